-module(bench_ring).
-export([run/2, member/2]).

-define(MEMBERS, 1000).

run(one_token, N) -> [{per_second, hops(N, 1)}];
run(hundred_tokens, N) -> [{per_second, hops(N, 100)}].

%% Each token is a number that counts down; whoever gets 0 tells the starter.
hops(N, Tokens) ->
    Ring = build(),
    Each = N div Tokens,
    Rate = bench_main:per_second(Each * Tokens, fun() ->
        insert_tokens(hd(Ring), Tokens, Each),
        await_ends(Tokens)
    end),
    [exit(Pid, kill) || Pid <- Ring],
    Rate.

build() ->
    Starter = self(),
    Last = spawn(?MODULE, member, [Starter, none]),
    {First, Rest} = lists:foldl(
        fun(_, {Next, Built}) -> {spawn(?MODULE, member, [Starter, Next]), [Next | Built]} end,
        {Last, []}, lists:seq(2, ?MEMBERS)),
    Last ! {next, First},
    [First | lists:reverse(Rest)].

%% All tokens start at one member, so they travel as a pack as far as the scheduler keeps them together.
insert_tokens(_, 0, _) -> ok;
insert_tokens(First, N, Hops) ->
    First ! Hops - 1,
    insert_tokens(First, N - 1, Hops).

await_ends(0) -> ok;
await_ends(N) -> receive token_ended -> await_ends(N - 1) end.

member(Starter, none) -> receive {next, Next} -> pass(Starter, Next) end;
member(Starter, Next) -> pass(Starter, Next).

pass(Starter, Next) ->
    receive
        0 -> Starter ! token_ended, pass(Starter, Next);
        Hops -> Next ! Hops - 1, pass(Starter, Next)
    end.
