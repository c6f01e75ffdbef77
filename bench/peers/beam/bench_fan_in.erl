-module(bench_fan_in).
-export([run/2]).

-define(PRODUCERS, 100).

run(hundred_producers, N) ->
    process_flag(message_queue_data, off_heap),
    Each = N div ?PRODUCERS,
    Consumer = self(),
    Producers = [spawn(fun() -> receive go -> produce(Consumer, P, Each) end end) || P <- lists:seq(1, ?PRODUCERS)],
    Rate = bench_main:per_second(Each * ?PRODUCERS, fun() ->
        [Producer ! go || Producer <- Producers],
        consume(Each * ?PRODUCERS)
    end),
    [{per_second, Rate}].

produce(_, _, 0) -> ok;
produce(Consumer, P, N) ->
    Consumer ! {P, N},
    produce(Consumer, P, N - 1).

consume(0) -> ok;
consume(N) -> receive {_, _} -> consume(N - 1) end.
