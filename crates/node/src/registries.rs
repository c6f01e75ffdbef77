//! Operations on registries: arguments from the station into `viga_ets`, results back (docs/design/native-tables.md).

use std::ffi::c_void;

use napi_sys::{napi_callback_info, napi_env, napi_value};
use viga_ets::{Keys, Listing, Registration, TableError};

use crate::ffi::{self, Outcome};
use crate::instance::Running;
use crate::station::{Call, Input, serve};
use crate::tables::{give_found, give_new_id};

const CONTINUES: i32 = 16;

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
            Ok(())
        }
    };
}

fn give_listing(call: &Call<'_>, listing: Listing) {
    call.give(1, listing.entries as i32);
    call.give(2, i32::from(listing.more));
    call.give(3, listing.continuation_at as i32);
}

/// The limit of a listing and, as the rest of the input, its continuation.
fn page<'a>(
    call: &Call<'_>,
    input: &mut Input<'a>,
) -> Result<(usize, Option<&'a [u8]>), TableError> {
    let limit = call.size(3);
    if limit == 0 {
        return Err(TableError::BadArgument { argument: 3 });
    }
    let continuation = (call.argument(2) & CONTINUES != 0).then(|| input.rest());
    input.end()?;
    Ok((limit, continuation))
}

fn keys(number: i32) -> Result<Keys, TableError> {
    match number {
        0 => Ok(Keys::Unique),
        1 => Ok(Keys::Duplicate),
        _ => Err(TableError::BadArgument { argument: 0 }),
    }
}

operations! {
    "registryCreate" registry_create |call, running| {
        let id = running.stores().registries.create(call.input()?, keys(call.argument(0))?)?;
        give_new_id(call, id);
        Ok(())
    }

    "registryFind" registry_find |call, running| {
        let found = running.stores().registries.find(call.input()?);
        give_found(call, found.map(|(id, _)| id));
        if let Some((_, keys)) = found {
            call.give(4, keys as i32);
        }
        Ok(())
    }

    "registryDrop" registry_drop |call, running| { running.stores().registries.drop_registry(call.id()) }

    "registryRegister" registry_register |call, running| {
        let mut input = Input::new(call.input()?);
        let (key, value) = (input.term()?, input.term()?);
        input.end()?;
        let pid = call.pid(2);
        match running.stores().registries.register(call.id(), key, pid, value)? {
            Registration::Done => {
                running.stores().settle_owner(running.system(), pid);
                call.give(1, 1);
            }
            Registration::Taken(holder) => {
                call.give(1, 0);
                call.give_pid(2, holder);
            }
        }
        Ok(())
    }

    "registryUnregister" registry_unregister |call, running| {
        let removed = running.stores().registries.unregister(call.id(), call.input()?, call.pid(2))?;
        call.give(1, removed as i32);
        Ok(())
    }

    "registryWhereis" registry_whereis |call, running| {
        let pid = running.stores().registries.whereis(call.id(), call.input()?)?;
        call.give(1, i32::from(pid.is_some()));
        if let Some(pid) = pid {
            call.give_pid(2, pid);
        }
        Ok(())
    }

    "registryLookup" registry_lookup |call, running| {
        let listing = call.respond(|input, reply| {
            let mut input = Input::new(input);
            let key = input.term()?;
            let (limit, continuation) = page(call, &mut input)?;
            running.stores().registries.lookup(call.id(), key, limit, continuation, reply)
        })?;
        give_listing(call, listing);
        Ok(())
    }

    "registryKeys" registry_keys |call, running| {
        let count = call.respond(|_, reply| running.stores().registries.keys(call.id(), call.pid(2), reply))?;
        call.give(1, count as i32);
        Ok(())
    }

    "registryValues" registry_values |call, running| {
        let count = call.respond(|key, reply| {
            running.stores().registries.values(call.id(), key, call.pid(2), reply)
        })?;
        call.give(1, count as i32);
        Ok(())
    }

    "registryUpdateValue" registry_update_value |call, running| {
        let found = call.respond(|input, reply| {
            let mut input = Input::new(input);
            let (key, value) = (input.term()?, input.term()?);
            input.end()?;
            running.stores().registries.update_value(call.id(), key, call.pid(2), value, reply)
        })?;
        call.give(1, i32::from(found));
        Ok(())
    }

    "registryCount" registry_count |call, running| {
        call.give(1, running.stores().registries.count(call.id())? as i32);
        Ok(())
    }

    "registryCountAll" registry_count_all |call, running| {
        call.give(1, running.stores().registries.count_all() as i32);
        Ok(())
    }

    "registryEntries" registry_entries |call, running| {
        let listing = call.respond(|input, reply| {
            let (limit, continuation) = page(call, &mut Input::new(input))?;
            running.stores().registries.entries(call.id(), limit, continuation, reply)
        })?;
        give_listing(call, listing);
        Ok(())
    }
}
