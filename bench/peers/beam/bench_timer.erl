-module(bench_timer).
-export([run/2]).

-define(FAR, 600000).

run(start, N) ->
    Self = self(),
    [{per_second, bench_main:per_second(N, fun() -> start(Self, N) end)}];
run(cancel, N) ->
    Timers = [erlang:send_after(?FAR + I rem 1000, self(), late) || I <- lists:seq(1, N)],
    [{per_second, bench_main:per_second(N, fun() -> cancel(Timers) end)}];
run(start_and_cancel, N) ->
    Self = self(),
    [{per_second, bench_main:per_second(N, fun() -> start_and_cancel(Self, N) end)}];
run(lateness, N) ->
    start_due(N),
    Sorted = lists:sort(lateness(N)),
    [{p50, lists:nth(max(1, N div 2), Sorted)}, {p99, lists:nth(max(1, N * 99 div 100), Sorted)}].

start(_, 0) -> ok;
start(To, N) ->
    erlang:send_after(?FAR + N rem 1000, To, late),
    start(To, N - 1).

cancel([]) -> ok;
cancel([Timer | Timers]) ->
    _ = erlang:cancel_timer(Timer),
    cancel(Timers).

start_and_cancel(_, 0) -> ok;
start_and_cancel(To, N) ->
    _ = erlang:cancel_timer(erlang:send_after(?FAR, To, late)),
    start_and_cancel(To, N - 1).

%% N timers over one second, which begins when all of them have been started. The message is the time it is due, in µs.
start_due(N) ->
    rand:seed(exsss, {1, 2, 3}),
    [begin
         Milliseconds = 500 + rand:uniform(1000),
         erlang:send_after(Milliseconds, self(), erlang:monotonic_time(microsecond) + Milliseconds * 1000)
     end || _ <- lists:seq(1, N)].

lateness(0) -> [];
lateness(N) ->
    receive
        Due -> [(erlang:monotonic_time(microsecond) - Due) / 1000 | lateness(N - 1)]
    end.
