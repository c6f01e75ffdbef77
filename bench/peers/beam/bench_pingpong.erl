-module(bench_pingpong).
-export([run/2, pong/0]).

-define(PAUSE, 5).

run(one_scheduler, N) -> with_pong([], fun(Pong) -> [{per_second, bench_main:per_second(N, fun() -> ping(Pong, N) end)}] end);
run(two_schedulers, N) -> across(fun(Pong) -> [{per_second, bench_main:per_second(N, fun() -> ping(Pong, N) end)}] end);
run(parked, N) -> across(fun(Pong) -> [{microseconds, bench_main:median([parked(Pong, I) || I <- lists:seq(1, N)])}] end).

across(Work) ->
    bench_main:on_scheduler(1, fun() -> with_pong([{scheduler, 2}], Work) end).

with_pong(Options, Work) ->
    Pong = spawn_opt(?MODULE, pong, [], [link | Options]),
    Result = Work(Pong),
    unlink(Pong),
    exit(Pong, kill),
    Result.

ping(_, 0) -> ok;
ping(Pong, N) ->
    Pong ! {self(), N},
    receive {Pong, N} -> ping(Pong, N - 1) end.

%% One round trip after a pause in which both schedulers fall asleep.
parked(Pong, N) ->
    receive after ?PAUSE -> ok end,
    bench_main:microseconds(fun() -> ping(Pong, N, N - 1) end).

ping(_, End, End) -> ok;
ping(Pong, N, End) ->
    Pong ! {self(), N},
    receive {Pong, N} -> ping(Pong, N - 1, End) end.

pong() ->
    receive {Ping, N} -> Ping ! {self(), N}, pong() end.
