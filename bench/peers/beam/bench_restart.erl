-module(bench_restart).
-behaviour(supervisor).
-export([run/2, init/1, start_child/1, child/0]).

-define(FIRST, 2000).

run(first_2000, N) -> [{per_second, in_turns(N, ?FIRST)}];
run(in_a_row, N) -> [{per_second, in_turns(N, N)}].

%% N restarts in all, by one supervisor after another, each of which does Each.
in_turns(N, Each) ->
    logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    Turns = (N + Each - 1) div Each,
    Turns * Each * 1.0e6 / lists:sum([restarts(Each) || _ <- lists:seq(1, Turns)]).

%% Microseconds that a new supervisor takes for N restarts of its child.
restarts(N) ->
    {ok, Supervisor} = supervisor:start_link(?MODULE, self()),
    First = receive {started, Pid} -> Pid end,
    Time = bench_main:microseconds(fun() -> restart(First, N) end),
    exit(Supervisor, shutdown),
    receive {'EXIT', Supervisor, _} -> Time end.

%% The supervisor walks its list of restarts at each restart: the shortest period keeps it shortest.
init(Parent) ->
    {ok, {#{strategy => one_for_one, intensity => 10000000, period => 1},
          [#{id => child, start => {?MODULE, start_child, [Parent]}, shutdown => brutal_kill}]}}.

%% The leanest start function: the child runs at once and has nothing to initialise.
start_child(Parent) ->
    Pid = spawn_link(?MODULE, child, []),
    Parent ! {started, Pid},
    {ok, Pid}.

child() -> receive stop -> ok end.

restart(_, 0) -> ok;
restart(Child, N) ->
    exit(Child, kill),
    receive {started, Next} -> restart(Next, N - 1) end.
