%% The gen_server of the call, cast and restart suites: a counter.
-module(bench_server).
-behaviour(gen_server).
-export([init/1, handle_call/3, handle_cast/2]).

init(Count) -> {ok, Count}.

handle_call(get, _From, Count) -> {reply, Count, Count}.

handle_cast({add, By}, Count) -> {noreply, Count + By}.
