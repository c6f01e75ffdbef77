%% Elixir's Registry, called as Elixir code calls it.
-module(bench_registry).
-export([run/2]).

run(register, N) ->
    Keys = keys(N),
    in_registry(fun() -> [{per_second, bench_main:per_second(N, fun() -> register_all(Keys) end)}] end);
run(lookup, N) ->
    Keys = keys(N),
    in_registry(fun() ->
        register_all(Keys),
        Shuffled = [Key || {_, Key} <- lists:sort([{rand:uniform(), Key} || Key <- Keys])],
        [{per_second, bench_main:per_second(N, fun() -> lookup_all(Shuffled) end)}]
    end).

in_registry(Work) ->
    %% Registering links to the registry, whose end must not be ours.
    process_flag(trap_exit, true),
    {ok, _} = application:ensure_all_started(elixir),
    {ok, Supervisor} = 'Elixir.Registry':start_link([{keys, unique}, {name, bench}]),
    Figures = Work(),
    'Elixir.Supervisor':stop(Supervisor),
    Figures.

keys(N) -> [<<"room:", (integer_to_binary(I))/binary>> || I <- lists:seq(1, N)].

register_all([]) -> ok;
register_all([Key | Keys]) ->
    {ok, _} = 'Elixir.Registry':register(bench, Key, nil),
    register_all(Keys).

lookup_all([]) -> ok;
lookup_all([Key | Keys]) ->
    [{_, nil}] = 'Elixir.Registry':lookup(bench, Key),
    lookup_all(Keys).
