%% Runs the jobs of one suite and prints a line for each figure:  figure <TAB> job <TAB> key <TAB> value
%%
%%   erl ... -run bench_main main -extra SUITE JOB=SIZE,WARMUP ...
%%
%% Each job runs in a process of its own: first with the warm-up size (unless that is 0), then measured.
-module(bench_main).
-export([main/0, microseconds/1, per_second/2, wait_until_idle/0, on_scheduler/2, median/1]).

main() ->
    [Suite | Jobs] = init:get_plain_arguments(),
    Module = list_to_existing_module("bench_" ++ Suite),
    try
        lists:foreach(fun(Job) -> run(Module, Job) end, Jobs),
        halt(0)
    catch
        Class:Reason:Stack ->
            io:format(standard_error, "~p: ~p~n~p~n", [Class, Reason, Stack]),
            halt(1)
    end.

list_to_existing_module(Name) ->
    {module, Module} = code:ensure_loaded(list_to_atom(Name)),
    Module.

run(Module, Argument) ->
    [Job, Sizes] = string:split(Argument, "="),
    [Size, WarmUp] = [list_to_integer(Text) || Text <- string:split(Sizes, ",")],
    WarmUp > 0 andalso in_fresh_process(Module, list_to_atom(Job), WarmUp),
    Figures = in_fresh_process(Module, list_to_atom(Job), Size),
    [io:format("figure\t~s\t~s\t~w~n", [Job, Key, Value]) || {Key, Value} <- Figures].

in_fresh_process(Module, Job, Size) ->
    {Pid, Ref} = spawn_monitor(fun() -> exit({figures, Module:run(Job, Size)}) end),
    receive
        {'DOWN', Ref, process, Pid, {figures, Figures}} -> Figures;
        {'DOWN', Ref, process, Pid, Reason} -> error(Reason)
    end.

microseconds(Work) ->
    Start = erlang:monotonic_time(nanosecond),
    Work(),
    (erlang:monotonic_time(nanosecond) - Start) / 1000.

per_second(Count, Work) ->
    Count * 1.0e6 / microseconds(Work).

%% Returns when no process but this one has anything to do.
wait_until_idle() ->
    case erlang:statistics(total_run_queue_lengths) of
        0 -> ok;
        _ -> timer:sleep(5), wait_until_idle()
    end.

%% What Work gives, run by a process that stays on the scheduler with this number.
on_scheduler(Scheduler, Work) ->
    {Pid, Ref} = spawn_opt(fun() -> exit({result, Work()}) end, [monitor, {scheduler, Scheduler}]),
    receive
        {'DOWN', Ref, process, Pid, {result, Result}} -> Result;
        {'DOWN', Ref, process, Pid, Reason} -> error(Reason)
    end.

median(Values) ->
    lists:nth((length(Values) + 1) div 2, lists:sort(Values)).
