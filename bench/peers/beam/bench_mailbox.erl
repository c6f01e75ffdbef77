-module(bench_mailbox).
-export([run/2]).

run(waiting, N) ->
    erlang:garbage_collect(),
    {memory, Before} = process_info(self(), memory),
    Send = bench_main:per_second(N, fun() -> send(self(), N) end),
    {memory, After} = process_info(self(), memory),
    Receive = bench_main:per_second(N, fun() -> drain(N) end),
    [{send, Send}, {'receive', Receive}, {bytes, (After - Before) / N}];
run(scaling, N) ->
    Few = 10000,
    fill_and_drain(Few),
    Rounds = max(1, N div Few),
    Small = bench_main:microseconds(fun() -> [fill_and_drain(Few) || _ <- lists:seq(1, Rounds)] end) / (Rounds * Few),
    Large = bench_main:microseconds(fun() -> fill_and_drain(N) end) / N,
    [{ratio, Large / Small}].

fill_and_drain(N) ->
    send(self(), N),
    drain(N).

send(_, 0) -> ok;
send(To, N) ->
    To ! {N, N},
    send(To, N - 1).

drain(0) -> ok;
drain(N) -> receive {_, _} -> drain(N - 1) end.
