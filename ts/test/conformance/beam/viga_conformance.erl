%% Runs the scenarios of a file (see scenario.ts) and writes the log of each, for comparison with viga's.
-module(viga_conformance).
-export([main/1]).

main([In, Out]) ->
    logger:set_primary_config(level, none),
    {ok, Text} = file:read_file(In),
    Scenarios = scenarios(string:split(binary_to_list(Text), "\n", all), []),
    {ok, File} = file:open(Out, [write, raw, delayed_write]),
    lists:foreach(fun({Title, Steps}) -> run(File, Title, Steps) end, Scenarios),
    ok = file:close(File),
    halt(0).

scenarios([], Done) ->
    lists:reverse([{Title, lists:reverse(Steps)} || {Title, Steps} <- Done]);
scenarios(["# " ++ Title | Lines], Done) ->
    scenarios(Lines, [{Title, []} | Done]);
scenarios(["" | Lines], Done) ->
    scenarios(Lines, Done);
scenarios([Line | Lines], [{Title, Steps} | Done]) ->
    scenarios(Lines, [{Title, [Line | Steps]} | Done]).

run(File, Title, Steps) ->
    {_, Ref} = spawn_monitor(fun() -> exit({log, coordinate(Steps)}) end),
    Log = receive
              {'DOWN', Ref, process, _, {log, Lines}} -> Lines;
              {'DOWN', Ref, process, _, Reason} -> [io_lib:format("failed: ~0p", [Reason])]
          end,
    ok = file:write(File, ["# ", Title, "\n", [[Line, "\n"] || Line <- Log], "\n"]).

%% --- the coordinator ---------------------------------------------------------------------------

-record(actor, {pid, ref, alive = true, born}).
-record(run, {named = #{}, actors = #{}, newborn = [], step = 0, log = []}).

coordinate(Steps) ->
    Self = self(),
    Pid = spawn(fun() -> actor("main", Self) end),
    Start = adopt(#run{named = #{"main" => Pid}, newborn = ["main"]}),
    End = lists:foldl(fun(Line, Run) -> step(Line, Run#run{step = Run#run.step + 1}) end, Start, Steps),
    maps:foreach(fun(_, #actor{pid = Left}) -> exit(Left, kill) end, End#run.actors),
    settle(End, #{}),
    lists:reverse(End#run.log).

step(Line, Run) ->
    [Name, Rest] = string:split(Line, " "),
    Operations = [string:split(Operation, " ", all) || Operation <- string:split(Rest, " | ", all)],
    case Run#run.actors of
        #{Name := #actor{alive = true, pid = Pid}} ->
            Pid ! {command, Operations, Run#run.named},
            {Results, Acted, Dead} = answer(Name, Run, #{}),
            {Settled, Deaths} = settle(adopt(Acted), Dead),
            Told = case Deaths of
                       #{Name := _} -> log(Settled, [Name, ": died"]);
                       #{} -> log(Settled, [Name, ": ", lists:join(" | ", Results)])
                   end,
            After = case maps:size(Deaths) of
                        0 -> Told;
                        _ -> log(Told, ["deaths: ", describe(Deaths, Told)])
                    end,
            case maps:size(Deaths) > 1 orelse (maps:size(Deaths) > 0 andalso length(Operations) > 1) of
                true -> drain_all(After);
                false -> After
            end;
        #{} ->
            log(Run, [Name, " is not there"])
    end.

log(Run = #run{step = Step, log = Log}, Line) ->
    Run#run{log = [[integer_to_list(Step), " ", Line] | Log]}.

settle(Run, Deaths) ->
    Waiting = [Name || {Name, #actor{alive = true}} <- maps:to_list(Run#run.actors)],
    [(actor_pid(Name, Run)) ! {command, [], Run#run.named} || Name <- Waiting],
    {Next, Now} = lists:foldl(
                    fun(Name, {Each, Dead}) ->
                            {_, Answered, More} = answer(Name, Each, Dead),
                            {Answered, More}
                    end, {Run, Deaths}, Waiting),
    case maps:size(Now) =:= maps:size(Deaths) of
        true -> {Next, Now};
        false -> settle(Next, Now)
    end.

actor_pid(Name, #run{actors = Actors}) ->
    (maps:get(Name, Actors))#actor.pid.

answer(Name, Run, Deaths) ->
    #actor{ref = Ref} = Actor = maps:get(Name, Run#run.actors),
    receive
        {born, Child, Pid} ->
            answer(Name, Run#run{named = (Run#run.named)#{Child => Pid}, newborn = [Child | Run#run.newborn]}, Deaths);
        {named, Word, Value} ->
            answer(Name, Run#run{named = (Run#run.named)#{Word => Value}}, Deaths);
        {done, Name, Results} ->
            {Results, Run, Deaths};
        {'DOWN', Ref, process, _, Reason} ->
            Actors = (Run#run.actors)#{Name := Actor#actor{alive = false}},
            {dead, Run#run{actors = Actors}, Deaths#{Name => reason(Reason)}}
    end.

adopt(Run = #run{newborn = Newborn, named = Named, step = Step}) ->
    Actors = lists:foldl(
               fun(Name, Each) ->
                       Pid = maps:get(Name, Named),
                       Each#{Name => #actor{pid = Pid, ref = monitor(process, Pid), born = Step}}
               end, Run#run.actors, Newborn),
    Run#run{actors = Actors, newborn = []}.

describe(Deaths, #run{actors = Actors, step = Step}) ->
    lists:join(" ", lists:sort(
      [lists:flatten([Name, "(", case maps:get(Name, Actors) of
                                     #actor{born = Step} -> "?";
                                     _ -> Reason
                                 end, ")"]) || {Name, Reason} <- maps:to_list(Deaths)])).

drain_all(Run) ->
    lists:foldl(
      fun({Name, #actor{alive = true, pid = Pid}}, Each) ->
              Pid ! {command, [["drain"]], Each#run.named},
              {Results, Next, _} = answer(Name, Each, #{}),
              log(Next, [Name, " has ", Results]);
         (_, Each) ->
              Each
      end, Run, lists:sort(maps:to_list(Run#run.actors))).

%% --- an actor ----------------------------------------------------------------------------------

actor(Name, Coordinator) ->
    put(name, Name),
    put(coordinator, Coordinator),
    actor_loop().

actor_loop() ->
    receive
        {command, Operations, Named} ->
            put(named, Named),
            case operations(Operations, []) of
                return -> ok;
                Results ->
                    get(coordinator) ! {done, get(name), Results},
                    actor_loop()
            end
    end.

operations([], Results) -> lists:reverse(Results);
operations([["return"] | _], _) -> return;
operations([[Operation | Words] | Rest], Results) ->
    operations(Rest, [text(perform(Operation, Words)) | Results]).

text(ok) -> "ok";
text(true) -> "true";
text(false) -> "false";
text(String) -> String.

perform("spawn", [Name]) -> born(Name, spawn(actor_fun(Name)));
perform("spawn_link", [Name]) -> born(Name, spawn_link(actor_fun(Name)));
perform("spawn_monitor", [Name, Word]) ->
    {Pid, Ref} = spawn_monitor(actor_fun(Name)),
    name(Word, Ref),
    born(Name, Pid);
perform("spawn_exit", [Name, Reason]) -> born(Name, spawn(quitter(Reason)));
perform("spawn_exit_link", [Name, Reason]) -> born(Name, spawn_link(quitter(Reason)));
perform("spawn_exit_monitor", [Name, Reason, Word]) ->
    {Pid, Ref} = spawn_monitor(quitter(Reason)),
    name(Word, Ref),
    born(Name, Pid);
perform("send", [Name, Text]) ->
    with(Name, fun(Pid) -> Pid ! {text, get(name), Text}, ok end);
perform("send_name", [Name, Text]) ->
    failing(fun() -> list_to_atom(Name) ! {text, get(name), Text} end);
perform("send_alias", [Word, Text]) ->
    with(Word, fun(Ref) -> Ref ! {text, get(name), Text}, ok end);
perform("receive", []) ->
    receive Message -> message(Message) after 0 -> "empty" end;
perform("receive_text", [Text]) ->
    receive {text, _, Text} = Message -> message(Message) after 0 -> "empty" end;
perform("wait_text", [Text]) ->
    receive {text, _, Text} = Message -> message(Message) after 10000 -> "empty" end;
perform("timeout_text", [Text, Time]) ->
    receive {text, _, Text} = Message -> message(Message) after list_to_integer(Time) -> "timeout" end;
perform("receive_down", [Word]) ->
    with(Word, fun(Ref) ->
        receive {'DOWN', Ref, _, _, _} = Message -> message(Message) after 0 -> "empty" end
    end);
perform("receive_exit", [Name]) ->
    with(Name, fun(Pid) ->
        receive {'EXIT', Pid, _} = Message -> message(Message) after 0 -> "empty" end
    end);
perform("drain", []) ->
    Found = lists:keysort(1, drain()),
    ["[", lists:join(" ", [Text || {_, Text} <- Found]), "]"];
perform("link", [Name]) ->
    %% For a process that is known to be dead link/1 fails, instead of the exit signal it sends otherwise.
    with(Name, fun(Pid) -> try link(Pid), ok catch error:noproc -> exit(noproc) end end);
perform("unlink", [Name]) -> with(Name, fun(Pid) -> unlink(Pid), ok end);
perform("monitor", [Name, Word]) ->
    with(Name, fun(Pid) -> name(Word, monitor(process, Pid)) end);
perform("monitor_name", [Name, Word]) ->
    name(Word, monitor(process, list_to_atom(Name)));
perform("monitor_alias", [Name, Word, Mode]) ->
    with(Name, fun(Pid) -> name(Word, monitor(process, Pid, [{alias, alias_mode(Mode)}])) end);
perform("demonitor", [Word]) -> with(Word, fun(Ref) -> demonitor(Ref, [info]) end);
perform("demonitor_flush", [Word]) -> with(Word, fun(Ref) -> demonitor(Ref, [info, flush]) end);
perform("alias", [Word, "reply"]) -> name(Word, alias([reply]));
perform("alias", [Word, "explicit"]) -> name(Word, alias([explicit_unalias]));
perform("unalias", [Word]) -> with(Word, fun(Ref) -> unalias(Ref) end);
perform("trap", [Flag]) -> process_flag(trap_exit, Flag =:= "true");
perform("exit", [Reason]) -> exit(list_to_atom(Reason));
perform("exit_signal", [Name, Reason]) ->
    with(Name, fun(Pid) -> exit(Pid, list_to_atom(Reason)), ok end);
perform("crash", []) -> error(boom);
perform("register", [Name, Actor]) ->
    with(Actor, fun(Pid) ->
        case process_info(Pid, registered_name) of
            {registered_name, _} -> "named";
            _ -> failing(fun() -> register(list_to_atom(Name), Pid) end)
        end
    end);
perform("unregister", [Name]) -> failing(fun() -> unregister(list_to_atom(Name)) end);
perform("whereis", [Name]) ->
    case whereis(list_to_atom(Name)) of
        undefined -> "undefined";
        Pid -> label(Pid)
    end;
perform("alive", [Name]) -> with(Name, fun(Pid) -> is_process_alive(Pid) end);
perform("links", [Name]) ->
    with(Name, fun(Pid) ->
        case process_info(Pid, links) of
            undefined -> "dead";
            {links, Links} -> ["[", lists:join(" ", lists:sort([label(Other) || Other <- Links])), "]"]
        end
    end);
perform("queue", [Name]) ->
    with(Name, fun(Pid) ->
        case process_info(Pid, message_queue_len) of
            undefined -> "dead";
            {message_queue_len, Length} -> integer_to_list(Length)
        end
    end);
perform("timer", [Word, Time, Name, Text]) ->
    with(Name, fun(Pid) -> name(Word, erlang:send_after(list_to_integer(Time), Pid, {text, get(name), Text})) end);
perform("cancel", [Word]) -> with(Word, fun(Timer) -> some(erlang:cancel_timer(Timer)) end);
perform("read", [Word]) -> with(Word, fun(Timer) -> some(erlang:read_timer(Timer)) end).

actor_fun(Name) ->
    Coordinator = get(coordinator),
    fun() -> actor(Name, Coordinator) end.

quitter(Reason) -> fun() -> exit(list_to_atom(Reason)) end.

alias_mode("explicit") -> explicit_unalias;
alias_mode("demonitor") -> demonitor;
alias_mode("reply") -> reply_demonitor.

some(false) -> "false";
some(_) -> "some".

failing(Act) ->
    try Act(), ok catch error:badarg -> "error" end.

drain() ->
    receive Message -> [{lists:flatten(sender(Message)), message(Message)} | drain()] after 0 -> [] end.

%% --- names and texts ---------------------------------------------------------------------------

name(Word, Value) ->
    put(named, (get(named))#{Word => Value}),
    get(coordinator) ! {named, Word, Value},
    ok.

born(Name, Pid) ->
    put(named, (get(named))#{Name => Pid}),
    get(coordinator) ! {born, Name, Pid},
    ok.

with(Word, Act) ->
    case get(named) of
        #{Word := Value} -> Act(Value);
        #{} -> "unbound"
    end.

label(Value) ->
    case [Word || {Word, Other} <- maps:to_list(get(named)), Other =:= Value] of
        [Word | _] -> Word;
        [] -> "unknown"
    end.

reason(Reason) when is_atom(Reason) -> atom_to_list(Reason);
reason(_) -> "crash".

sender({'EXIT', Pid, _}) -> label(Pid);
sender({'DOWN', _, process, {Name, _}, _}) -> ["name:", atom_to_list(Name)];
sender({'DOWN', _, process, Pid, _}) -> label(Pid);
sender({text, From, _}) -> From.

message({'EXIT', _, Reason} = Message) -> ["EXIT(", sender(Message), ",", reason(Reason), ")"];
message({'DOWN', Ref, _, _, Reason} = Message) ->
    ["DOWN(", label(Ref), ",", sender(Message), ",", reason(Reason), ")"];
message({text, From, Text}) -> [Text, "@", From].
