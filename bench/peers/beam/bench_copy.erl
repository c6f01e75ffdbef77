-module(bench_copy).
-export([run/2, sink/0]).

-define(WINDOW, 100).

%% Large terms and immediate ones do better with the receiver's mailbox off heap, small terms on heap.
run(integer, N) -> [{per_second, copies(N, fun() -> N end, off_heap)}];
run(map_10, N) -> [{per_second, copies(N, fun map_10/0, on_heap)}];
run(list_10000, N) -> [{per_second, copies(N, fun list_10000/0, off_heap)}];
run(binary_1mb, N) -> [{per_second, copies(N, fun binary_1mb/0, on_heap)}];
run(binary_1mb_across, N) -> [{per_second, lists:max([across(N, Mailbox) || Mailbox <- [off_heap, on_heap]])}].

%% From a process on one scheduler to one on another.
across(N, Mailbox) ->
    bench_main:on_scheduler(1, fun() -> copies(N, fun binary_1mb/0, Mailbox, [{scheduler, 2}]) end).

binary_1mb() -> binary:copy(<<7>>, 1 bsl 20).

%% Built at run time: literals would not be copied at all.
map_10() ->
    maps:from_list(lists:zip([alpha, beta, gamma, delta, epsilon, zeta, eta, theta, iota, kappa], lists:seq(1, 10))).

list_10000() -> [lists:seq(I, I + 99) || I <- lists:seq(1, 100)].

%% Messages go out in windows of 100, each acknowledged by one small message, so that the mailbox stays short.
copies(N, Make, Mailbox) -> copies(N, Make, Mailbox, []).

copies(N, Make, Mailbox, Options) ->
    Message = Make(),
    Sink = spawn_opt(?MODULE, sink, [], [link, {message_queue_data, Mailbox} | Options]),
    Windows = N div ?WINDOW,
    Rate = bench_main:per_second(Windows * ?WINDOW, fun() -> windows(Sink, Message, Windows) end),
    unlink(Sink),
    exit(Sink, kill),
    Rate.

windows(_, _, 0) -> ok;
windows(Sink, Message, N) ->
    send(Sink, Message, ?WINDOW),
    Sink ! {acknowledge, self()},
    receive acknowledged -> windows(Sink, Message, N - 1) end.

send(_, _, 0) -> ok;
send(Sink, Message, N) ->
    Sink ! Message,
    send(Sink, Message, N - 1).

sink() ->
    receive
        {acknowledge, Sender} -> Sender ! acknowledged, sink();
        _ -> sink()
    end.
