//! Operations on tables: arguments from the station into `viga_ets`, results back (docs/design/native-tables.md).

use std::ffi::c_void;

use napi_sys::{napi_callback_info, napi_env, napi_value};
use viga_ets::{
    Access, Bound, Chunk, CounterOp, Filter, Heir, Id, Kind, Page, ProcessId, Projection, Reply,
    TableError, TableId, TableOptions,
};

use viga_ets::term::tags;

use crate::ffi::{self, Outcome};
use crate::instance::Running;
use crate::station::{self, Call, Input, serve};

const HAS_FROM: i32 = 1;
const HAS_TO: i32 = 2;
const FROM_EXCLUSIVE: i32 = 4;
const TO_EXCLUSIVE: i32 = 8;
const CONTINUES: i32 = 16;
const REVERSE: i32 = 32;

const NOT_FOUND: i32 = 0;
const IN_SCRATCH: i32 = 1;
const IN_A_WORD: i32 = 2;

/// Defines operations that take and return nothing.
macro_rules! operations {
    ($($js:literal $name:ident |$call:pat_param, $running:pat_param| $body:block)*) => {
        $(
            unsafe extern "C" fn $name(env: napi_env, info: napi_callback_info) -> napi_value {
                serve(env, info, |$call: &Call<'_>, $running: &Running| $body)
            }
        )*

        /// Adds the operations to the addon's exports. `station` is their data.
        pub fn register(env: napi_env, exports: napi_value, station: *mut c_void) -> Outcome<()> {
            $(ffi::define(env, exports, $js, Some($name), station)?;)*
            ffi::define(env, exports, "tablesAttach", Some(station::attach), station)?;
            ffi::define(env, exports, "tablesReadOverflow", Some(station::read_overflow), station)
        }
    };
}

fn give_id(call: &Call<'_>, first: usize, id: Id) {
    call.give(first, id.index as i32);
    call.give(first + 1, id.generation as i32);
}

/// Found or not, and where.
pub(crate) fn give_found(call: &Call<'_>, id: Option<Id>) {
    call.give(1, i32::from(id.is_some()));
    if let Some(id) = id {
        give_id(call, 2, id);
    }
}

pub(crate) fn give_new_id(call: &Call<'_>, id: Id) {
    give_id(call, 1, id);
}

fn give_chunk(call: &Call<'_>, chunk: Chunk) {
    call.give(1, chunk.results as i32);
    call.give(2, i32::from(chunk.more));
    call.give(3, chunk.continuation_at as i32);
    call.give(4, chunk.visited as i32);
}

/// Limit and flags of a walk; the rest of the input is its continuation.
fn page<'a>(call: &Call<'_>, input: &mut Input<'a>) -> Result<Page<'a>, TableError> {
    let limit = call.size(3);
    if limit == 0 {
        return Err(TableError::BadArgument { argument: 3 });
    }
    let continuation = continuation(call, input)?;
    Ok(Page {
        limit,
        reverse: call.argument(2) & REVERSE != 0,
        continuation,
    })
}

/// The rest of the input, if it continues a walk. The store checks it as a key.
fn continuation<'a>(
    call: &Call<'_>,
    input: &mut Input<'a>,
) -> Result<Option<&'a [u8]>, TableError> {
    let continuation = (call.argument(2) & CONTINUES != 0).then(|| input.rest());
    input.end()?;
    Ok(continuation)
}

fn filter<'a>(input: &mut Input<'a>) -> Result<Filter<'a>, TableError> {
    let (filter, end) = Filter::parse(input.whole(), input.position())?;
    input.skip_to(end);
    Ok(filter)
}

fn projection<'a>(input: &mut Input<'a>) -> Result<Projection<'a>, TableError> {
    let (projection, end) = Projection::parse(input.whole(), input.position())?;
    input.skip_to(end);
    Ok(projection)
}

fn heir(input: &mut Input<'_>) -> Result<Heir, TableError> {
    Ok(Heir {
        pid: input.pid()?,
        data: input.term()?.into(),
    })
}

fn kind(number: i32) -> Result<Kind, TableError> {
    match number {
        0 => Ok(Kind::Set),
        1 => Ok(Kind::OrderedSet),
        _ => Err(TableError::BadArgument { argument: 0 }),
    }
}

fn access(number: i32) -> Result<Access, TableError> {
    match number {
        0 => Ok(Access::Public),
        1 => Ok(Access::Protected),
        2 => Ok(Access::Private),
        _ => Err(TableError::BadArgument { argument: 1 }),
    }
}

fn create(call: &Call<'_>, running: &Running) -> Result<(), TableError> {
    let mut input = Input::new(call.input()?);
    let name = call.flag(3).then(|| input.term()).transpose()?;
    let heir = call.flag(4).then(|| heir(&mut input)).transpose()?;
    input.end()?;
    let options = TableOptions {
        name,
        kind: kind(call.argument(0))?,
        access: access(call.argument(1))?,
        key_position: call.size(2),
        owner: call.caller(),
        heir,
    };
    let id = running.stores().tables.create(options)?;
    running
        .stores()
        .settle_owner(running.system(), call.caller());
    give_new_id(call, id);
    Ok(())
}

fn update_counter(call: &Call<'_>, running: &Running) -> Result<(), TableError> {
    let count = call.size(2);
    call.respond(|input, reply| {
        let mut input = Input::new(input);
        let key = input.term()?;
        let mut ops = Vec::new();
        for _ in 0..count {
            let (position, increment) = (input.word()? as usize, input.term()?);
            let bounds = if input.byte()? == 0 {
                None
            } else {
                Some((input.term()?, input.term()?))
            };
            ops.push(CounterOp {
                position,
                increment,
                bounds,
            });
        }
        let default = call.flag(3).then(|| input.term()).transpose()?;
        input.end()?;
        running
            .stores()
            .tables
            .update_counter(call.id(), call.caller(), key, &ops, default, reply)
    })?;
    call.give(1, count as i32);
    Ok(())
}

fn update_element(call: &Call<'_>, running: &Running) -> Result<(), TableError> {
    let mut input = Input::new(call.input()?);
    let key = input.term()?;
    let mut changes = Vec::new();
    for _ in 0..call.size(2) {
        changes.push((input.word()? as usize, input.term()?));
    }
    input.end()?;
    let found = running
        .stores()
        .tables
        .update_element(call.id(), call.caller(), key, &changes)?;
    call.give(1, i32::from(found));
    Ok(())
}

fn range(call: &Call<'_>, running: &Running) -> Result<(), TableError> {
    let flags = call.argument(2);
    let chunk = call.respond(|input, reply| {
        let mut input = Input::new(input);
        let mut bound = |has: i32, exclusive: i32| -> Result<Option<Bound<'_>>, TableError> {
            if flags & has == 0 {
                return Ok(None);
            }
            Ok(Some(Bound {
                key: input.term()?,
                exclusive: flags & exclusive != 0,
            }))
        };
        let from = bound(HAS_FROM, FROM_EXCLUSIVE)?;
        let to = bound(HAS_TO, TO_EXCLUSIVE)?;
        let page = page(call, &mut input)?;
        running
            .stores()
            .tables
            .range(call.id(), call.caller(), from, to, page, reply)
    })?;
    give_chunk(call, chunk);
    Ok(())
}

fn info(call: &Call<'_>, running: &Running) -> Result<(), TableError> {
    let info = running.stores().tables.info(call.id())?;
    call.give(1, info.kind as i32);
    call.give(2, info.access as i32);
    call.give(3, info.key_position as i32);
    call.give(4, i32::from(info.name.is_some()));
    call.give(5, i32::from(info.heir.is_some()));
    call.respond(|_, reply| {
        reply.write(&(info.size as f64).to_le_bytes());
        reply.write(&(info.memory as f64).to_le_bytes());
        write_pid(reply, info.owner);
        reply.write(info.name.as_deref().unwrap_or_default());
        if let Some(heir) = info.heir {
            write_pid(reply, heir);
        }
        Ok(())
    })
}

fn write_pid(reply: &mut Reply<'_>, pid: ProcessId) {
    reply.write(&pid.index.to_le_bytes());
    reply.write(&pid.serial.to_le_bytes());
}

fn neighbour(call: &Call<'_>, running: &Running, before: bool) -> Result<(), TableError> {
    let found = call.respond(|key, reply| {
        running
            .stores()
            .tables
            .neighbour_key(call.id(), call.caller(), key, before, reply)
    })?;
    call.give(1, i32::from(found));
    Ok(())
}

fn end_key(call: &Call<'_>, running: &Running, last: bool) -> Result<(), TableError> {
    let found = call.respond(|_, reply| {
        running
            .stores()
            .tables
            .end_key(call.id(), call.caller(), last, reply)
    })?;
    call.give(1, i32::from(found));
    Ok(())
}

/// Gives an element in a word, if it is an integer, and says where it is.
#[inline]
fn give_element(call: &Call<'_>, element: &[u8]) -> i32 {
    match *element {
        [tags::INT, a, b, c, d] => {
            call.give(2, i32::from_le_bytes([a, b, c, d]));
            IN_A_WORD
        }
        _ => IN_SCRATCH,
    }
}

fn give_ids(call: &Call<'_>, ids: &[TableId]) -> Result<(), TableError> {
    call.give(1, ids.len() as i32);
    call.respond(|_, reply| {
        for id in ids {
            reply.write(&id.index.to_le_bytes());
            reply.write(&id.generation.to_le_bytes());
        }
        Ok(())
    })
}

fn give_transfers(call: &Call<'_>, running: &Running) -> Result<(), TableError> {
    let transfers = running.stores().take_transfers(running.system());
    call.give(1, transfers.len() as i32);
    call.give(2, i32::from(running.stores().tables.reclaim(0)));
    if transfers.is_empty() {
        return Ok(());
    }
    call.respond(|_, reply| {
        for transfer in &transfers {
            let words = [
                transfer.table.index,
                transfer.table.generation,
                transfer.from.index,
                transfer.from.serial,
                transfer.to.index,
                transfer.to.serial,
            ];
            words
                .iter()
                .for_each(|word| reply.write(&word.to_le_bytes()));
            reply.write(&transfer.data);
        }
        Ok(())
    })
}

operations! {
    "etsCreate" ets_create |call, running| { create(call, running) }

    "etsWhereis" ets_whereis |call, running| {
        give_found(call, running.stores().tables.whereis(call.input()?));
        Ok(())
    }

    "etsInsert" ets_insert |call, running| {
        running.stores().tables.insert(call.id(), call.caller(), call.input()?, call.size(2))
    }

    "etsInsertNew" ets_insert_new |call, running| {
        let inserted = running.stores().tables.insert_new(call.id(), call.caller(), call.input()?, call.size(2))?;
        call.give(1, i32::from(inserted));
        Ok(())
    }

    "etsLookup" ets_lookup |call, running| {
        let found = call.respond(|key, reply| running.stores().tables.lookup(call.id(), call.caller(), key, reply))?;
        call.give(1, i32::from(found));
        Ok(())
    }

    "etsLookupElement" ets_lookup_element |call, running| {
        let found = call.respond(|key, reply| {
            let found = running.stores().tables.lookup_element(call.id(), call.caller(), key, call.size(2), reply)?;
            Ok(if found { give_element(call, reply.bytes()) } else { NOT_FOUND })
        })?;
        if found == IN_A_WORD {
            call.give(0, 0);
        }
        call.give(1, found);
        Ok(())
    }

    "etsMember" ets_member |call, running| {
        let found = running.stores().tables.member(call.id(), call.caller(), call.input()?)?;
        call.give(1, i32::from(found));
        Ok(())
    }

    "etsTake" ets_take |call, running| {
        let found = call.respond(|key, reply| running.stores().tables.take(call.id(), call.caller(), key, reply))?;
        call.give(1, i32::from(found));
        Ok(())
    }

    "etsDelete" ets_delete |call, running| {
        let found = running.stores().tables.delete(call.id(), call.caller(), call.input()?)?;
        call.give(1, i32::from(found));
        Ok(())
    }

    "etsDeleteAll" ets_delete_all |call, running| {
        let (deleted, waiting) = running.stores().tables.delete_all(call.id(), call.caller())?;
        call.give(1, deleted as i32);
        call.give(2, waiting as i32);
        Ok(())
    }

    "etsDrop" ets_drop |call, running| {
        let waiting = running.stores().tables.drop_table(call.id(), call.caller())?;
        call.give(2, waiting as i32);
        Ok(())
    }

    "etsReclaim" ets_reclaim |call, running| {
        call.give(1, i32::from(running.stores().tables.reclaim(call.size(0))));
        Ok(())
    }

    "etsCounterAdd" ets_counter_add |call, running| {
        let sum = call.respond(|key, reply| {
            let (position, increment) = (call.size(2), call.argument(3));
            running.stores().tables.counter_add(call.id(), call.caller(), key, position, increment, reply)
        })?;
        if let Some(sum) = sum {
            call.give(0, 0);
            call.give(1, sum);
        }
        Ok(())
    }

    "etsUpdateCounter" ets_update_counter |call, running| { update_counter(call, running) }
    "etsUpdateElement" ets_update_element |call, running| { update_element(call, running) }
    "etsFirst" ets_first |call, running| { end_key(call, running, false) }
    "etsLast" ets_last |call, running| { end_key(call, running, true) }
    "etsNext" ets_next |call, running| { neighbour(call, running, false) }
    "etsPrev" ets_prev |call, running| { neighbour(call, running, true) }
    "etsRange" ets_range |call, running| { range(call, running) }

    "etsPrefix" ets_prefix |call, running| {
        let chunk = call.respond(|input, reply| {
            let mut input = Input::new(input);
            let prefix = input.term()?;
            let page = page(call, &mut input)?;
            running.stores().tables.prefix(call.id(), call.caller(), prefix, page, reply)
        })?;
        give_chunk(call, chunk);
        Ok(())
    }

    "etsSelect" ets_select |call, running| {
        let chunk = call.respond(|input, reply| {
            let mut input = Input::new(input);
            let (filter, projection) = (filter(&mut input)?, projection(&mut input)?);
            let page = page(call, &mut input)?;
            running.stores().tables.select(call.id(), call.caller(), &filter, &projection, page, reply)
        })?;
        give_chunk(call, chunk);
        Ok(())
    }

    "etsSelectCount" ets_select_count |call, running| {
        let chunk = call.respond(|input, reply| {
            let mut input = Input::new(input);
            let filter = filter(&mut input)?;
            let continuation = continuation(call, &mut input)?;
            running.stores().tables.select_count(call.id(), call.caller(), &filter, continuation, reply)
        })?;
        give_chunk(call, chunk);
        Ok(())
    }

    "etsSelectDelete" ets_select_delete |call, running| {
        let chunk = call.respond(|input, reply| {
            let mut input = Input::new(input);
            let filter = filter(&mut input)?;
            let continuation = continuation(call, &mut input)?;
            running.stores().tables.select_delete(call.id(), call.caller(), &filter, continuation, reply)
        })?;
        give_chunk(call, chunk);
        Ok(())
    }

    "etsChunk" ets_chunk |call, running| {
        let chunk = call.respond(|input, reply| {
            let page = page(call, &mut Input::new(input))?;
            running.stores().tables.chunk(call.id(), call.caller(), page, reply)
        })?;
        give_chunk(call, chunk);
        Ok(())
    }

    "etsInfo" ets_info |call, running| { info(call, running) }

    "etsRename" ets_rename |call, running| {
        let name = if call.flag(2) { Some(call.input()?) } else { None };
        running.stores().tables.rename(call.id(), call.caller(), name)
    }

    "etsGiveAway" ets_give_away |call, running| {
        running.stores().tables.give_away(call.id(), call.caller(), call.pid(2))?;
        running.stores().settle_owner(running.system(), call.pid(2));
        Ok(())
    }

    "etsSetHeir" ets_set_heir |call, running| {
        let mut input = Input::new(call.input()?);
        let heir = call.flag(2).then(|| heir(&mut input)).transpose()?;
        input.end()?;
        running.stores().tables.set_heir(call.id(), call.caller(), heir)
    }

    "etsAll" ets_all |call, running| { give_ids(call, &running.stores().tables.all()) }

    "etsCount" ets_count |call, running| {
        call.give(1, running.stores().tables.count() as i32);
        Ok(())
    }

    "etsTransfers" ets_transfers |call, running| { give_transfers(call, running) }
}
