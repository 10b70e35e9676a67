//! Bounds on the values that a template keeps.
//!
//! The engine bounds steps and what each of them makes, but not what its values add up to: a list that
//! holds another twice, and so on, is small until it is written or compared, and one in another in
//! another exhausts the stack. So every value passes here that a template gives a name, be it with `set` or
//! `with`, as the parameter of a macro, or in a loop, whose values are bounded all together: its nesting and its
//! size as text are bounded, and what would be computed only when it is read is computed now. Each round of a loop
//! and each call of a macro pass here too, with nothing, to end when it has gone on for too long.

use std::time::{Duration, Instant};

use minijinja::value::{Object, Tuple, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

use crate::error::DeadlinePassed;

/// The filter for a value that is given a name.
pub(crate) const BOUND: &str = "bound";

/// The filter for a value that a namespace is to hold.
pub(crate) const BOUND_ATTRIBUTE: &str = "bound_attribute";

/// The filter for what something is taken out of.
pub(crate) const BOUND_TEXT: &str = "bound_text";

/// The name under which a rendering knows its limits; no template can spell it.
pub(crate) const LIMITS: &str = "limits of a rendering";

/// What one rendering may take.
#[derive(Debug)]
pub(crate) struct Limits {
    value_size: u64,
    deadline: Instant,
}

impl Object for Limits {}

impl Limits {
    /// Those for messages of a size.
    pub(crate) fn new(messages_bytes: usize) -> Self {
        Self {
            value_size: BASE_SIZE + COPIES * messages_bytes as u64,
            deadline: Instant::now() + LONGEST,
        }
    }
}

// Beside several copies of all messages.
const BASE_SIZE: u64 = 32 * 1024;
const COPIES: u64 = 4;

// What a value takes besides its text.
const VALUE_SIZE: u64 = 16;

const MAX_DEPTH: usize = 32;

const UNITS_PER_FUEL: u64 = 40;

// Steps are what bounds time, the same on every machine: a second on a slow one. This is for what nobody
// thought of, and no way to end that a result may depend on.
const LONGEST: Duration = Duration::from_secs(30);

pub(crate) fn bound(state: &State, value: Value) -> Result<Value, Error> {
    settled(state, value, false)
}

/// As [`bound`], but a namespace can't hold a namespace or a macro, which might hold it in turn.
pub(crate) fn bound_attribute(state: &State, value: Value) -> Result<Value, Error> {
    settled(state, value, true)
}

/// Charges for a text, which is read up to the letter that is taken.
pub(crate) fn bound_text(state: &State, value: Value) -> Result<Value, Error> {
    if let Some(text) = value.as_str() {
        state.consume_fuel(text.len() as u64 / UNITS_PER_FUEL)?;
    }
    Ok(value)
}

/// Charges for a value's size, so many times.
pub(crate) fn charge(state: &State, value: &Value, times: u64) -> Result<(), Error> {
    let (_, fuel) = measured(state, value, false)?;
    state.consume_fuel(fuel * times)
}

fn settled(state: &State, value: Value, is_attribute: bool) -> Result<Value, Error> {
    let (changed, fuel) = measured(state, &value, is_attribute)?;
    state.consume_fuel(fuel)?;
    Ok(changed.unwrap_or(value))
}

/// The value anew, if a part of it had still to be computed, and what its size costs.
fn measured(
    state: &State,
    value: &Value,
    is_attribute: bool,
) -> Result<(Option<Value>, u64), Error> {
    let limits = state.lookup(LIMITS);
    let limits = limits.as_ref().and_then(Value::downcast_object_ref);
    let Limits {
        value_size: limit,
        deadline,
    } = *limits.expect("each rendering has limits");
    if Instant::now() > deadline {
        return Err(Error::new(ErrorKind::OutOfFuel, "deadline").with_source(DeadlinePassed));
    }
    let mut measure = Measure {
        is_attribute,
        remaining: limit,
    };
    let changed = measure.settle(value, 0)?;
    Ok((changed, (limit - measure.remaining) / UNITS_PER_FUEL))
}

struct Measure {
    is_attribute: bool,
    remaining: u64,
}

impl Measure {
    /// The value anew, if a part of it had still to be computed.
    fn settle(&mut self, value: &Value, depth: usize) -> Result<Option<Value>, Error> {
        let text = value.as_str().map_or(0, str::len) as u64;
        self.remaining = self
            .remaining
            .checked_sub(VALUE_SIZE + text)
            .ok_or(ErrorKind::OutOfFuel)?;
        if depth > MAX_DEPTH {
            return Err(refused("a value is nested too deeply"));
        }
        match value.kind() {
            ValueKind::Seq | ValueKind::Iterable => self.settle_list(value, depth),
            ValueKind::Map => self.settle_map(value, depth),
            ValueKind::Plain if self.is_attribute => Err(refused("a namespace can't hold this")),
            _ => Ok(None),
        }
    }

    fn settle_list(&mut self, value: &Value, depth: usize) -> Result<Option<Value>, Error> {
        let mut is_new = value.kind() == ValueKind::Iterable;
        let mut items = Vec::with_capacity(value.len().unwrap_or(0).min(1_024));
        for item in value.try_iter()?.checked() {
            let item = item?;
            let changed = self.settle(&item, depth + 1)?;
            is_new |= changed.is_some();
            items.push(changed.unwrap_or(item));
        }
        Ok(is_new.then(|| {
            if value.is_tuple() {
                Value::from(Tuple::from(items))
            } else {
                Value::from(items)
            }
        }))
    }

    fn settle_map(&mut self, value: &Value, depth: usize) -> Result<Option<Value>, Error> {
        let name = value.as_object().map_or("", |object| object.type_name());
        let is_namespace = name.ends_with("Namespace");
        if self.is_attribute && (is_namespace || name.ends_with("Macro")) {
            return Err(refused("a namespace can't hold this"));
        }
        let mut is_new = false;
        let mut pairs = Vec::new();
        for key in value.try_iter()?.checked() {
            let key = key?;
            let item = value.get_item(&key)?;
            self.settle(&key, depth + 1)?;
            let changed = self.settle(&item, depth + 1)?;
            is_new |= changed.is_some();
            pairs.push((key, changed.unwrap_or(item)));
        }
        // A namespace is one thing under several names: it stays, and holds settled values already but
        // for those that it was made with.
        Ok((is_new && !is_namespace).then(|| Value::from_pairs(pairs)))
    }
}

fn refused(problem: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem)
}
