-module(bench_memory).
-export([run/2, wait/0, loop/1, fall_asleep/0]).

run(Kind, N) ->
    erlang:garbage_collect(),
    Before = resident_bytes(),
    start(Kind, N),
    bench_main:wait_until_idle(),
    [{bytes, (resident_bytes() - Before) / N}].

start(_, 0) -> ok;
start(waiting, N) -> spawn(?MODULE, wait, []), start(waiting, N - 1);
start(callback, N) -> spawn(?MODULE, loop, [N]), start(callback, N - 1);
start(hibernated, N) -> spawn(?MODULE, fall_asleep, []), start(hibernated, N - 1).

wait() -> receive stop -> ok end.

%% What a callback process is in Erlang: a loop over its state.
loop(State) -> receive stop -> State; Message -> loop(Message) end.

fall_asleep() -> erlang:hibernate(?MODULE, wait, []).

resident_bytes() ->
    case file:read_file("/proc/self/statm") of
        {ok, Text} ->
            [_, Pages | _] = string:lexemes(binary_to_list(Text), " "),
            list_to_integer(Pages) * 4096;
        {error, _} ->
            Kilobytes = os:cmd("ps -o rss= -p " ++ os:getpid()),
            list_to_integer(string:trim(Kilobytes)) * 1024
    end.
