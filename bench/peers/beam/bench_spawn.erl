-module(bench_spawn).
-export([run/2, child/1]).

run(one_at_a_time, N) ->
    [{per_second, bench_main:per_second(N, fun() -> one_at_a_time(N) end)}];
run(ten_thousand, N) ->
    [{per_second, bench_main:per_second(N, fun() -> in_batches(N) end)}].

child(Parent) -> Parent ! done.

one_at_a_time(0) -> ok;
one_at_a_time(N) ->
    spawn(?MODULE, child, [self()]),
    receive done -> one_at_a_time(N - 1) end.

in_batches(N) when N =< 0 -> ok;
in_batches(N) ->
    Batch = min(N, 10000),
    spawn_many(Batch),
    await_many(Batch),
    in_batches(N - Batch).

spawn_many(0) -> ok;
spawn_many(N) ->
    spawn(?MODULE, child, [self()]),
    spawn_many(N - 1).

await_many(0) -> ok;
await_many(N) -> receive done -> await_many(N - 1) end.
