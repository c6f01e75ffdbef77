-module(bench_crossing).
-export([run/2, sink/0]).

%% Few enough sends for one time slice, so that the sink does not run in between.
-define(BATCH, 100).

run(send, N) ->
    Sink = spawn_link(?MODULE, sink, []),
    Batches = N div ?BATCH,
    Sends = batches(Sink, Batches, 0, fun send/2),
    Bare = batches(Sink, Batches, 0, fun bare/2),
    unlink(Sink),
    exit(Sink, kill),
    [{nanoseconds, (Sends - Bare) / (Batches * ?BATCH)}];
run(slice, N) ->
    [{nanoseconds, bench_main:microseconds(fun() -> slices(N) end) * 1000 / N}].

batches(_, 0, Total, _) -> Total;
batches(Sink, N, Total, Work) ->
    erlang:yield(),
    Start = erlang:monotonic_time(nanosecond),
    Work(Sink, ?BATCH),
    Time = erlang:monotonic_time(nanosecond) - Start,
    Sink ! {acknowledge, self()},
    receive acknowledged -> batches(Sink, N - 1, Total + Time, Work) end.

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
