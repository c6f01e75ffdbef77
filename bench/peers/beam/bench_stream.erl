-module(bench_stream).
-export([run/2, sink/1]).

-define(WINDOW, 1000).
-define(WINDOWS_AHEAD, 10).

%% A binary of 100 bytes, handed over by reference, with a mailbox off heap and on heap: the better counts.
run(hundred_bytes, N) ->
    Rates = [bench_main:on_scheduler(1, fun() -> stream(N, Mailbox) end) || Mailbox <- [off_heap, on_heap]],
    [{per_second, lists:max(Rates)}].

%% At most ten windows of 1,000 messages are on their way.
stream(N, Mailbox) ->
    Sink = spawn_opt(?MODULE, sink, [0], [link, {message_queue_data, Mailbox}, {scheduler, 2}]),
    Windows = N div ?WINDOW,
    Message = binary:copy(<<"x">>, 100),
    Rate = bench_main:per_second(Windows * ?WINDOW, fun() -> windows(Sink, Message, Windows, 0) end),
    Expected = Windows * ?WINDOW,
    Sink ! {count, self()},
    receive {counted, Expected} -> ok end,
    unlink(Sink),
    exit(Sink, kill),
    Rate.

windows(_, _, 0, 0) -> ok;
windows(Sink, Message, N, Ahead) when N =:= 0; Ahead =:= ?WINDOWS_AHEAD ->
    receive acknowledged -> windows(Sink, Message, N, Ahead - 1) end;
windows(Sink, Message, N, Ahead) ->
    send(Sink, Message, ?WINDOW),
    Sink ! {acknowledge, self()},
    windows(Sink, Message, N - 1, Ahead + 1).

send(_, _, 0) -> ok;
send(Sink, Message, N) ->
    Sink ! Message,
    send(Sink, Message, N - 1).

sink(Count) ->
    receive
        <<_:100/binary>> -> sink(Count + 1);
        {acknowledge, Sender} -> Sender ! acknowledged, sink(Count);
        {count, Sender} -> Sender ! {counted, Count}, sink(Count)
    end.
