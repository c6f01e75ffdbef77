-module(bench_restart).
-behaviour(supervisor).
-export([run/2, init/1, start_child/1, child/0]).

run(_, N) ->
    logger:set_primary_config(level, none),
    {ok, Supervisor} = supervisor:start_link(?MODULE, self()),
    First = receive {started, Pid} -> Pid end,
    Rate = bench_main:per_second(N, fun() -> restart(First, N) end),
    unlink(Supervisor),
    exit(Supervisor, kill),
    [{per_second, Rate}].

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
