-module(bench_ets).
-export([run/2]).

%% Rows are {integer, 5-byte binary, integer}; one process, so no concurrency options (they cost without contention).
run(insert, N) ->
    Keys = random_keys(N),
    Table = ets:new(bench, [set]),
    [{per_second, bench_main:per_second(N, fun() -> insert(Table, Keys) end)}];
run(lookup, N) ->
    {Table, Keys} = filled(N),
    [{per_second, bench_main:per_second(N, fun() -> lookup(Table, Keys) end)}];
run(lookup_element, N) ->
    {Table, Keys} = filled(N),
    [{per_second, bench_main:per_second(N, fun() -> lookup_element(Table, Keys) end)}];
run(update_counter, N) ->
    {Table, Keys} = filled(N),
    [{per_second, bench_main:per_second(N, fun() -> update_counter(Table, Keys) end)}];
run(ordered_insert, N) ->
    Table = ets:new(bench, [ordered_set]),
    [{per_second, bench_main:per_second(N, fun() -> insert(Table, 1, N) end)}];
run(ordered_range, N) ->
    Rows = 100000,
    Table = ets:new(bench, [ordered_set]),
    insert(Table, 1, Rows),
    Starts = [rand:uniform(Rows - 100) || _ <- lists:seq(1, N)],
    [{per_second, bench_main:per_second(N, fun() -> ranges(Table, Starts) end)}].

random_keys(N) ->
    rand:seed(exsss, {1, 2, 3}),
    [rand:uniform(1 bsl 30) || _ <- lists:seq(1, N)].

%% A table of N rows, and its keys in an order that has nothing to do with that of insertion.
filled(N) ->
    Keys = random_keys(N),
    Table = ets:new(bench, [set]),
    insert(Table, Keys),
    {Table, [Key || {_, Key} <- lists:sort([{rand:uniform(), Key} || Key <- Keys])]}.

insert(_, []) -> ok;
insert(Table, [Key | Keys]) ->
    ets:insert(Table, {Key, <<"hello">>, 1}),
    insert(Table, Keys).

insert(_, Key, Last) when Key > Last -> ok;
insert(Table, Key, Last) ->
    ets:insert(Table, {Key, <<"hello">>, 1}),
    insert(Table, Key + 1, Last).

lookup(_, []) -> ok;
lookup(Table, [Key | Keys]) ->
    [_] = ets:lookup(Table, Key),
    lookup(Table, Keys).

lookup_element(_, []) -> ok;
lookup_element(Table, [Key | Keys]) ->
    1 = ets:lookup_element(Table, Key, 3),
    lookup_element(Table, Keys).

update_counter(_, []) -> ok;
update_counter(Table, [Key | Keys]) ->
    ets:update_counter(Table, Key, {3, 1}),
    update_counter(Table, Keys).

%% 100 rows from a key on by next and lookup: the fastest way there is (a guard would scan the whole table).
ranges(_, []) -> ok;
ranges(Table, [Start | Starts]) ->
    100 = length(range(Table, Start, 100)),
    ranges(Table, Starts).

range(_, _, 0) -> [];
range(Table, Key, N) -> [hd(ets:lookup(Table, Key)) | range(Table, ets:next(Table, Key), N - 1)].
