-module(bench_ets).
-export([run/2]).

%% Rows are {integer, 5-byte binary, integer}; without contention no concurrency options (they cost).
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
    [{per_second, bench_main:per_second(N, fun() -> ranges(Table, Starts) end)}];
run(insert_two, N) -> best_of_forms(fun(Options) -> by_two(N, ets:new(bench, Options), fun insert/2) end);
run(lookup_two, N) -> best_of_forms(fun(Options) -> by_two(N, filled_with_halves(N, Options), fun lookup/2) end);
run(update_counter_two, N) -> best_of_forms(fun(Options) -> by_two(N, filled_with_halves(N, Options), fun update_counter/2) end).

%% What serves two processes best depends on what they do, so each form of the table has its turn; the best one counts.
best_of_forms(Measure) ->
    Forms = [[], [{read_concurrency, true}], [{write_concurrency, true}], [{write_concurrency, auto}],
             [{read_concurrency, true}, {write_concurrency, true}]],
    [{per_second, lists:max([Measure([set, public | Form]) || Form <- Forms])}].

%% Operations a second of two processes on two schedulers, each of which does Work with half of the keys.
by_two(N, Table, Work) ->
    bench_main:on_scheduler(1, fun() -> halves(N, Table, Work) end).

halves(N, Table, Work) ->
    Parent = self(),
    Workers = [spawn_opt(fun() -> half(Parent, N div 2, Half, Table, Work) end, [link, {scheduler, Half}]) || Half <- [1, 2]],
    [receive {ready, Worker} -> ok end || Worker <- Workers],
    Rate = bench_main:per_second(2 * (N div 2), fun() ->
        [Worker ! go || Worker <- Workers],
        [receive {done, Worker} -> ok end || Worker <- Workers]
    end),
    Rate.

half(Parent, N, Half, Table, Work) ->
    Keys = in_other_order(half_of_keys(N, Half)),
    erlang:garbage_collect(),
    Parent ! {ready, self()},
    receive go -> ok end,
    Work(Table, Keys),
    Parent ! {done, self()},
    unlink(Parent).

filled_with_halves(N, Options) ->
    Table = ets:new(bench, Options),
    [insert(Table, half_of_keys(N div 2, Half)) || Half <- [1, 2]],
    Table.

%% Odd keys are of one half, even ones of the other.
half_of_keys(N, Half) -> [2 * (Key div 2) + Half - 1 || Key <- random_keys(N, Half)].

random_keys(N) -> random_keys(N, 3).

random_keys(N, Seed) ->
    rand:seed(exsss, {1, 2, Seed}),
    [rand:uniform(1 bsl 30) || _ <- lists:seq(1, N)].

%% A table of N rows, and its keys in an order that has nothing to do with that of insertion.
filled(N) ->
    Keys = random_keys(N),
    Table = ets:new(bench, [set]),
    insert(Table, Keys),
    {Table, in_other_order(Keys)}.

in_other_order(Keys) -> [Key || {_, Key} <- lists:sort([{rand:uniform(), Key} || Key <- Keys])].

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
