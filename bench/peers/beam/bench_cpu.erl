-module(bench_cpu).
-behaviour(gen_server).
-export([run/2, init/1, handle_call/3, handle_cast/2]).

-define(SERVERS, 8).
-define(CALLERS, 2).
-define(TILE, 50).
-define(TILE_SUM, 109673).

run(fib, N) ->
    Expected = fib(N),
    [{milliseconds, best_of(fun() -> Expected = fib(N) end)}];
run(mandelbrot, Size) ->
    [{milliseconds, bench_main:microseconds(fun() -> check_mandelbrot(Size, mandelbrot(Size, 100)) end) / 1000}];
run(nbody, Steps) ->
    [{milliseconds, bench_main:microseconds(fun() -> check_energy(nbody(Steps)) end) / 1000}];
run(servers_one_scheduler, N) -> [{per_second, servers(N, [1])}];
run(servers_two_schedulers, N) -> [{per_second, servers(N, [1, 2])}].

%% Tiles a second that 8 servers render, spread over Schedulers; each has two callers on the first scheduler.
servers(N, Schedulers) ->
    bench_main:on_scheduler(1, fun() ->
        Servers = [start_on(lists:nth(1 + I rem length(Schedulers), Schedulers)) || I <- lists:seq(0, ?SERVERS - 1)],
        Each = N div (?SERVERS * ?CALLERS),
        Rate = bench_main:per_second(Each * ?SERVERS * ?CALLERS, fun() -> call_all(Servers, Each) end),
        [gen_server:stop(Server) || Server <- Servers],
        Rate
    end).

start_on(Scheduler) ->
    {ok, Pid} = gen_server:start(?MODULE, ready, [{spawn_opt, [{scheduler, Scheduler}]}]),
    Pid.

call_all(Servers, Each) ->
    Callers = [spawn_opt(fun() -> call_tiles(Server, Each) end, [monitor, {scheduler, 1}]) || Server <- Servers, _ <- lists:seq(1, ?CALLERS)],
    [receive {'DOWN', Ref, process, Pid, Reason} -> normal = Reason end || {Pid, Ref} <- Callers].

call_tiles(_, 0) -> ok;
call_tiles(Server, N) ->
    ?TILE_SUM = gen_server:call(Server, {tile, ?TILE}, infinity),
    call_tiles(Server, N - 1).

init(State) -> {ok, State}.

handle_call({tile, Size}, _From, State) -> {reply, mandelbrot(Size, 100), State}.

handle_cast(_, State) -> {noreply, State}.

%% fib takes milliseconds: the middle one of nine.
best_of(Work) ->
    Times = lists:sort([bench_main:microseconds(Work) / 1000 || _ <- lists:seq(1, 9)]),
    lists:nth(5, Times).

fib(N) when N < 2 -> N;
fib(N) -> fib(N - 1) + fib(N - 2).

%% Sum of the iterations of all points of a Size x Size grid over -1.5 to 0.5, -1 to 1.
mandelbrot(Size, Limit) -> rows(0, Size, Limit, 0).

rows(Size, Size, _, Sum) -> Sum;
rows(Row, Size, Limit, Sum) ->
    Ci = 2.0 * Row / Size - 1.0,
    rows(Row + 1, Size, Limit, columns(0, Size, Ci, Limit, Sum)).

columns(Size, Size, _, _, Sum) -> Sum;
columns(Column, Size, Ci, Limit, Sum) ->
    Cr = 2.0 * Column / Size - 1.5,
    columns(Column + 1, Size, Ci, Limit, Sum + escape(0.0, 0.0, Cr, Ci, 0, Limit)).

escape(_, _, _, _, Limit, Limit) -> Limit;
escape(Zr, Zi, Cr, Ci, I, Limit) ->
    Zr2 = Zr * Zr,
    Zi2 = Zi * Zi,
    if
        Zr2 + Zi2 > 4.0 -> I;
        true -> escape(Zr2 - Zi2 + Cr, 2.0 * Zr * Zi + Ci, Cr, Ci, I + 1, Limit)
    end.

check_mandelbrot(400, Sum) -> 7030556 = Sum;
check_mandelbrot(_, Sum) -> true = Sum > 0.

%% The n-body problem of the Computer Language Benchmarks Game; a body is {X, Y, Z, Vx, Vy, Vz, Mass}.
nbody(Steps) ->
    energy(advance(Steps, offset_momentum(bodies()))).

check_energy(Energy) -> true = abs(Energy + 0.1690) < 0.0002.

bodies() ->
    SolarMass = 4 * math:pi() * math:pi(),
    Days = 365.24,
    [{0.0, 0.0, 0.0, 0.0, 0.0, 0.0, SolarMass},
     {4.84143144246472090, -1.16032004402742839, -0.103622044471123109,
      0.00166007664274403694 * Days, 0.00769901118419740425 * Days, -0.0000690460016972063023 * Days,
      0.000954791938424326609 * SolarMass},
     {8.34336671824457987, 4.12479856412430479, -0.403523417114321381,
      -0.00276742510726411041 * Days, 0.00499852801234917238 * Days, 0.0000230417297573763929 * Days,
      0.000285885980666130812 * SolarMass},
     {12.8943695621391310, -15.1111514016986312, -0.223307578892655734,
      0.00296460137564761618 * Days, 0.00237847173959480950 * Days, -0.0000296589568540237556 * Days,
      0.0000436624404335156298 * SolarMass},
     {15.3796971148509165, -25.9193146099879641, 0.179258772950371181,
      0.00268067772490389322 * Days, 0.00162824170038242295 * Days, -0.0000951592254519715870 * Days,
      0.0000515138902046611451 * SolarMass}].

offset_momentum([{X, Y, Z, _, _, _, Mass} | Planets]) ->
    {Px, Py, Pz} = lists:foldl(
        fun({_, _, _, Vx, Vy, Vz, M}, {Ax, Ay, Az}) -> {Ax + Vx * M, Ay + Vy * M, Az + Vz * M} end,
        {0.0, 0.0, 0.0}, Planets),
    [{X, Y, Z, -Px / Mass, -Py / Mass, -Pz / Mass, Mass} | Planets].

advance(0, Bodies) -> Bodies;
advance(N, Bodies) -> advance(N - 1, step(Bodies)).

%% Takes the first body against the rest, which it returns updated, and moves on with those.
step([]) -> [];
step([{X, Y, Z, Vx, Vy, Vz, M} | Rest]) -> attract(Rest, X, Y, Z, Vx, Vy, Vz, M, []).

attract([], X, Y, Z, Vx, Vy, Vz, M, Done) ->
    [{X + 0.01 * Vx, Y + 0.01 * Vy, Z + 0.01 * Vz, Vx, Vy, Vz, M} | step(lists:reverse(Done))];
attract([{X2, Y2, Z2, Vx2, Vy2, Vz2, M2} | Rest], X, Y, Z, Vx, Vy, Vz, M, Done) ->
    Dx = X - X2,
    Dy = Y - Y2,
    Dz = Z - Z2,
    D2 = Dx * Dx + Dy * Dy + Dz * Dz,
    Mag = 0.01 / (D2 * math:sqrt(D2)),
    Mine = M2 * Mag,
    Theirs = M * Mag,
    attract(Rest, X, Y, Z, Vx - Dx * Mine, Vy - Dy * Mine, Vz - Dz * Mine, M,
            [{X2, Y2, Z2, Vx2 + Dx * Theirs, Vy2 + Dy * Theirs, Vz2 + Dz * Theirs, M2} | Done]).

energy([]) -> 0.0;
energy([{X, Y, Z, Vx, Vy, Vz, M} | Rest]) ->
    Kinetic = 0.5 * M * (Vx * Vx + Vy * Vy + Vz * Vz),
    Potential = lists:sum([M * M2 / math:sqrt((X - X2) * (X - X2) + (Y - Y2) * (Y - Y2) + (Z - Z2) * (Z - Z2))
                           || {X2, Y2, Z2, _, _, _, M2} <- Rest]),
    Kinetic - Potential + energy(Rest).
