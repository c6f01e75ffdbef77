//! Filters and projections over rows (docs/design/native-tables.md, "Filter" and "Projection").

use std::cmp::Ordering;

use crate::{
    Reply, TableError,
    rows::Bound,
    term::{self, Form, tags},
};

/// How deep filters may be nested.
const MAX_DEPTH: usize = 64;

enum Step<'a> {
    Element(usize),
    Property(&'a [u8]),
}

enum Operand<'a> {
    Path(Vec<Step<'a>>),
    Term(&'a [u8]),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

enum Node<'a> {
    True,
    And(Vec<Node<'a>>),
    Or(Vec<Node<'a>>),
    Not(Box<Node<'a>>),
    Compare(Relation, Operand<'a>, Operand<'a>),
    IsType(Operand<'a>, u8),
}

/// A condition on rows, read from its encoding.
///
/// ```
/// use viga_ets::Filter;
/// // element 0 > 5
/// let encoded = [0x14, 0x00, 1, 0x00, 0, 0, 0, 0, 0x01, 0x04, 5, 0, 0, 0];
/// let (filter, end) = Filter::parse(&encoded, 0).unwrap();
/// assert_eq!(end, encoded.len());
/// assert!(filter.holds(&[0x0d, 1, 0x04, 6, 0, 0, 0]));
/// assert!(!filter.holds(&[0x0d, 1, 0x04, 5, 0, 0, 0]));
/// ```
pub struct Filter<'a>(Node<'a>);

/// What of a row goes into a result.
pub enum Projection<'a> {
    /// All of it.
    Row,
    /// One value.
    Value(Path<'a>),
    /// An array of values.
    Values(Vec<Path<'a>>),
}

/// A way from a row to a value inside it.
pub struct Path<'a>(Vec<Step<'a>>);

/// The part of the key space in which a filter can hold.
#[derive(Debug, Default)]
pub struct KeyRange<'a> {
    /// Only this key.
    pub only: Option<&'a [u8]>,
    /// Not before this.
    pub from: Option<Bound<'a>>,
    /// Not after this.
    pub to: Option<Bound<'a>>,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn fault(&self) -> TableError {
        TableError::BadFilter { offset: self.at }
    }

    fn byte(&mut self) -> Result<u8, TableError> {
        let byte = *self.bytes.get(self.at).ok_or(self.fault())?;
        self.at += 1;
        Ok(byte)
    }

    fn word(&mut self) -> Result<usize, TableError> {
        let end = self.at + 4;
        if end > self.bytes.len() {
            return Err(self.fault());
        }
        let word = term::u32_at(self.bytes, self.at);
        self.at = end;
        Ok(word as usize)
    }

    fn term(&mut self) -> Result<&'a [u8], TableError> {
        let start = self.at;
        self.at = term::validate(self.bytes, start, Form::Any)?;
        Ok(&self.bytes[start..self.at])
    }

    fn path(&mut self) -> Result<Vec<Step<'a>>, TableError> {
        let count = self.byte()?;
        if count == 0 {
            return Err(self.fault());
        }
        (0..count)
            .map(|_| match self.byte()? {
                0 => Ok(Step::Element(self.word()?)),
                1 => {
                    let fault = self.fault();
                    let name = self.term()?;
                    let is_string =
                        matches!(name[0], tags::STRING8 | tags::STRING32 | tags::STRING_UTF16);
                    if is_string {
                        Ok(Step::Property(name))
                    } else {
                        Err(fault)
                    }
                }
                _ => Err(self.fault()),
            })
            .collect()
    }

    fn operand(&mut self) -> Result<Operand<'a>, TableError> {
        match self.byte()? {
            0 => Ok(Operand::Path(self.path()?)),
            1 => Ok(Operand::Term(self.term()?)),
            _ => Err(self.fault()),
        }
    }

    fn nodes(&mut self, depth: usize) -> Result<Vec<Node<'a>>, TableError> {
        let count = self.byte()?;
        (0..count).map(|_| self.node(depth + 1)).collect()
    }

    fn node(&mut self, depth: usize) -> Result<Node<'a>, TableError> {
        if depth > MAX_DEPTH {
            return Err(self.fault());
        }
        let relation = match self.byte()? {
            0x00 => return Ok(Node::True),
            0x01 => return Ok(Node::And(self.nodes(depth)?)),
            0x02 => return Ok(Node::Or(self.nodes(depth)?)),
            0x03 => return Ok(Node::Not(Box::new(self.node(depth + 1)?))),
            0x20 => {
                let operand = self.operand()?;
                let kind = self.byte()?;
                return if kind <= 17 {
                    Ok(Node::IsType(operand, kind))
                } else {
                    Err(self.fault())
                };
            }
            0x10 => Relation::Equal,
            0x11 => Relation::NotEqual,
            0x12 => Relation::Less,
            0x13 => Relation::LessOrEqual,
            0x14 => Relation::Greater,
            0x15 => Relation::GreaterOrEqual,
            _ => {
                return Err(TableError::BadFilter {
                    offset: self.at - 1,
                });
            }
        };
        Ok(Node::Compare(relation, self.operand()?, self.operand()?))
    }
}

/// What a path leads to; `undefined` when there is nothing.
fn follow<'r>(steps: &[Step<'_>], row: &'r [u8]) -> &'r [u8] {
    let mut value = row;
    for step in steps {
        let range = match step {
            Step::Element(index) => term::element(value, *index),
            Step::Property(name) => term::property(value, name),
        };
        match range {
            Some(range) => value = &value[range],
            None => return &[tags::UNDEFINED],
        }
    }
    value
}

impl<'a> Operand<'a> {
    fn value<'r>(&'r self, row: &'r [u8]) -> &'r [u8] {
        match self {
            Operand::Path(steps) => follow(steps, row),
            Operand::Term(term) => term,
        }
    }

    fn is_element(&self, position: usize) -> bool {
        matches!(self, Operand::Path(steps) if matches!(steps[..], [Step::Element(at)] if at == position))
    }

    fn key(&self) -> Option<&'a [u8]> {
        match self {
            Operand::Term(term) if term::validate(term, 0, Form::Key).is_ok() => Some(term),
            _ => None,
        }
    }
}

impl Relation {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Relation::Equal => order.is_eq(),
            Relation::NotEqual => order.is_ne(),
            Relation::Less => order.is_lt(),
            Relation::LessOrEqual => order.is_le(),
            Relation::Greater => order.is_gt(),
            Relation::GreaterOrEqual => order.is_ge(),
        }
    }

    /// The relation with its sides exchanged.
    fn mirrored(self) -> Relation {
        match self {
            Relation::Less => Relation::Greater,
            Relation::LessOrEqual => Relation::GreaterOrEqual,
            Relation::Greater => Relation::Less,
            Relation::GreaterOrEqual => Relation::LessOrEqual,
            same => same,
        }
    }
}

fn is_type(value: &[u8], kind: u8) -> bool {
    match value[0] {
        tags::INT | tags::FLOAT => kind == 0,
        tags::BIGINT => kind == 1,
        tags::STRING8 | tags::STRING32 | tags::STRING_UTF16 => kind == 2,
        tags::ATOM => kind == 3,
        tags::UNDEFINED => kind == 4,
        tags::NULL => kind == 5,
        tags::FALSE | tags::TRUE => kind == 6,
        tags::BYTES => kind == 7,
        tags::BINARY => kind == 8,
        tags::ARRAY8 | tags::ARRAY32 => kind == 9,
        tags::OBJECT => kind == 10,
        tags::MAP => kind == 11,
        tags::SET => kind == 12,
        tags::DATE => kind == 13,
        tags::ERROR => kind == 14,
        tags::PID => kind == 15,
        tags::REF => kind == 16,
        tags::REMOTE => kind == 17,
        _ => false,
    }
}

impl<'a> Node<'a> {
    fn holds(&self, row: &[u8]) -> bool {
        match self {
            Node::True => true,
            Node::And(nodes) => nodes.iter().all(|node| node.holds(row)),
            Node::Or(nodes) => nodes.iter().any(|node| node.holds(row)),
            Node::Not(node) => !node.holds(row),
            Node::Compare(relation, left, right) => {
                relation.holds(term::compare(left.value(row), right.value(row)))
            }
            Node::IsType(operand, kind) => is_type(operand.value(row), *kind),
        }
    }

    fn narrow(&self, key_position: usize, range: &mut KeyRange<'a>) {
        let Node::Compare(relation, left, right) = self else {
            return;
        };
        let (relation, key) = if left.is_element(key_position) {
            (*relation, right.key())
        } else if right.is_element(key_position) {
            (relation.mirrored(), left.key())
        } else {
            return;
        };
        let Some(key) = key else { return };
        match relation {
            Relation::Equal => range.only = Some(key),
            Relation::NotEqual => {}
            Relation::Greater => {
                range.from = Some(Bound {
                    key,
                    exclusive: true,
                })
            }
            Relation::GreaterOrEqual => {
                range.from = Some(Bound {
                    key,
                    exclusive: false,
                })
            }
            Relation::Less => {
                range.to = Some(Bound {
                    key,
                    exclusive: true,
                })
            }
            Relation::LessOrEqual => {
                range.to = Some(Bound {
                    key,
                    exclusive: false,
                })
            }
        }
    }
}

impl<'a> Filter<'a> {
    /// Reads the filter that begins at `at` and returns it with the offset just past it.
    ///
    /// # Errors
    /// [`TableError::BadFilter`] or [`TableError::BadTerm`], with the offset.
    pub fn parse(bytes: &'a [u8], at: usize) -> Result<(Filter<'a>, usize), TableError> {
        let mut reader = Reader { bytes, at };
        let node = reader.node(0)?;
        Ok((Filter(node), reader.at))
    }

    /// True when the row, a valid term, satisfies the filter.
    pub fn holds(&self, row: &[u8]) -> bool {
        self.0.holds(row)
    }

    /// Where rows that satisfy the filter can be, judged by its comparisons of the key with constants.
    pub fn key_range(&self, key_position: usize) -> KeyRange<'a> {
        let mut range = KeyRange::default();
        match &self.0 {
            Node::And(nodes) => nodes
                .iter()
                .for_each(|node| node.narrow(key_position, &mut range)),
            node => node.narrow(key_position, &mut range),
        }
        range
    }
}

impl<'a> Projection<'a> {
    /// Reads the projection that begins at `at` and returns it with the offset just past it.
    ///
    /// # Errors
    /// [`TableError::BadFilter`] or [`TableError::BadTerm`], with the offset.
    pub fn parse(bytes: &'a [u8], at: usize) -> Result<(Projection<'a>, usize), TableError> {
        let mut reader = Reader { bytes, at };
        let projection = match reader.byte()? {
            0 => Projection::Row,
            1 => Projection::Value(Path(reader.path()?)),
            2 => {
                let count = reader.byte()?;
                Projection::Values(
                    (0..count)
                        .map(|_| reader.path().map(Path))
                        .collect::<Result<_, _>>()?,
                )
            }
            _ => return Err(TableError::BadFilter { offset: at }),
        };
        Ok((projection, reader.at))
    }

    /// Writes what the projection takes from a row.
    pub(crate) fn write(&self, row: &[u8], reply: &mut Reply<'_>) {
        match self {
            Projection::Row => reply.write(row),
            Projection::Value(path) => reply.write(follow(&path.0, row)),
            Projection::Values(paths) => {
                reply.write(&[tags::ARRAY8, paths.len() as u8]);
                for path in paths {
                    reply.write(follow(&path.0, row));
                }
            }
        }
    }
}
