-module(bench_idle).
-export([run/2]).

-define(SERVERS, 1000).

%% Percent of a core that 1,000 waiting servers take, half of them on each of two schedulers.
run(cpu_share, Milliseconds) ->
    Servers = [start(1 + I rem 2) || I <- lists:seq(1, ?SERVERS)],
    [0 = gen_server:call(Server, get) || Server <- Servers],
    receive after 500 -> ok end,
    Before = processor_nanoseconds(),
    receive after Milliseconds -> ok end,
    Used = processor_nanoseconds() - Before,
    [gen_server:stop(Server) || Server <- Servers],
    [{percent, Used / 1.0e6 / Milliseconds * 100}].

start(Scheduler) ->
    {ok, Pid} = gen_server:start(bench_server, 0, [{spawn_opt, [{scheduler, Scheduler}]}]),
    Pid.

%% Processor time of all threads of this process of the operating system.
processor_nanoseconds() ->
    lists:sum([nanoseconds(File) || File <- filelib:wildcard("/proc/self/task/*/schedstat")]).

nanoseconds(File) ->
    {ok, Text} = file:read_file(File),
    [Running | _] = string:lexemes(binary_to_list(Text), " "),
    list_to_integer(Running).
