-module(bench_spawn).
-export([run/2, child/1]).

%% Off heap, or each collection of the parent walks its whole mailbox: three times slower with 10,000 children.
run(Job, N) ->
    process_flag(message_queue_data, off_heap),
    [{per_second, bench_main:per_second(N, fun() -> spawn_and_await(Job, N) end)}].

spawn_and_await(one_at_a_time, N) -> one_at_a_time(N);
spawn_and_await(ten_thousand, N) -> in_batches(N).

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
