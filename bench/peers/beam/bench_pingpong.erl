-module(bench_pingpong).
-export([run/2, pong/0]).

run(one_scheduler, N) ->
    Pong = spawn_link(?MODULE, pong, []),
    Rate = bench_main:per_second(N, fun() -> ping(Pong, N) end),
    unlink(Pong),
    exit(Pong, kill),
    [{per_second, Rate}].

ping(_, 0) -> ok;
ping(Pong, N) ->
    Pong ! {self(), N},
    receive {Pong, N} -> ping(Pong, N - 1) end.

pong() ->
    receive {Ping, N} -> Ping ! {self(), N}, pong() end.
