-module(bench_cast).
-export([run/2]).

%% N casts and a call, which returns when all of them have been handled.
run(casts, N) ->
    {ok, Server} = gen_server:start(bench_server, 0, []),
    Rate = bench_main:per_second(N, fun() ->
        cast(Server, N),
        N = gen_server:call(Server, get, infinity)
    end),
    gen_server:stop(Server),
    [{per_second, Rate}].

cast(_, 0) -> ok;
cast(Server, N) ->
    gen_server:cast(Server, {add, 1}),
    cast(Server, N - 1).
