-module(bench_crossing).
-export([run/2, sink/0]).

%% Few enough sends for one time slice, so that the sink does not run in between.
-define(BATCH, 100).

run(send, N) ->
    Sink = spawn_link(?MODULE, sink, []),
    Batches = max(1, N div ?BATCH),
    Sending = median(batches(Sink, Batches, fun send/2)),
    Looping = median(batches(Sink, Batches, fun bare/2)),
    unlink(Sink),
    exit(Sink, kill),
    [{nanoseconds, (Sending - Looping) / ?BATCH}];
run(slice, N) ->
    [{nanoseconds, bench_main:microseconds(fun() -> slices(N) end) * 1000 / N}].

%% Time of each batch of Work alone; the sink empties its mailbox between batches.
batches(_, 0, _) -> [];
batches(Sink, N, Work) ->
    erlang:yield(),
    Start = erlang:monotonic_time(nanosecond),
    Work(Sink, ?BATCH),
    Time = erlang:monotonic_time(nanosecond) - Start,
    Sink ! {acknowledge, self()},
    receive acknowledged -> [Time | batches(Sink, N - 1, Work)] end.

median(Times) -> lists:nth(length(Times) div 2 + 1, lists:sort(Times)).

send(_, 0) -> ok;
send(To, N) ->
    To ! N,
    send(To, N - 1).

bare(_, 0) -> ok;
bare(To, N) -> bare(To, N - 1).

sink() ->
    receive
        {acknowledge, Sender} -> Sender ! acknowledged, sink();
        _ -> sink()
    end.

slices(0) -> ok;
slices(N) ->
    erlang:yield(),
    slices(N - 1).
