-module(bench_call).
-export([run/2]).

run(one_caller, N) -> [{per_second, calls(N, 1)}];
run(callers_64, N) -> [{per_second, calls(N, 64)}].

calls(N, Callers) ->
    {ok, Server} = gen_server:start(bench_server, 0, []),
    Each = N div Callers,
    Rate = bench_main:per_second(Each * Callers, fun() ->
        Pids = [spawn_monitor(fun() -> call(Server, Each) end) || _ <- lists:seq(1, Callers)],
        [receive {'DOWN', Ref, process, Pid, normal} -> ok end || {Pid, Ref} <- Pids]
    end),
    gen_server:stop(Server),
    Rate.

call(_, 0) -> ok;
call(Server, N) ->
    gen_server:call(Server, get),
    call(Server, N - 1).
