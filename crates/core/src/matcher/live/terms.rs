//! The terms of the order: who says each, and its values as numbers.

use super::super::TermValue;
use super::super::keys::shape;
use super::key::{Key, Scale};
use crate::farm::{Direction, Term, TermKind};
use crate::words::Value;

/// Who says a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    /// All requests of a group alike, as `fair` does.
    Group,
    Worker,
    Pair,
}

pub(super) fn side(term: &Term) -> Side {
    match term.kind {
        TermKind::Fair { .. } => Side::Group,
        TermKind::Function { request: true, worker: true, .. } => Side::Pair,
        TermKind::Function { request: false, worker: true, .. } => Side::Worker,
        _ => Side::Request,
    }
}

/// The type of a term's values.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    Int,
    Bool,
    Other(Vec<&'static str>),
}

impl Shape {
    fn of(value: &TermValue) -> Shape {
        match value.as_slice() {
            [Value::Int(_)] => Shape::Int,
            [Value::Bool(_)] => Shape::Bool,
            _ => Shape::Other(shape(value)),
        }
    }
}

/// The order, and how its values became numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    pub(super) list: Vec<Term>,
    shapes: Vec<Option<Shape>>,
    scales: Vec<Scale<TermValue>>,
    /// A term had values of two types: they do not compare.
    pub(super) mixed: bool,
    /// A value found no room between its neighbours: all need new numbers.
    pub(super) crowded: bool,
}

impl Terms {
    pub(super) fn new(list: &[Term]) -> Terms {
        Terms {
            list: list.to_vec(),
            shapes: vec![None; list.len()],
            scales: list.iter().map(|_| Scale::default()).collect(),
            mixed: false,
            crowded: false,
        }
    }

    /// The same order for numbering everything anew, with more room between the values known.
    pub(super) fn spread(mut self) -> Terms {
        self.scales.iter_mut().for_each(Scale::spread);
        self.shapes.fill(None);
        Terms { mixed: false, crowded: false, ..self }
    }

    pub(super) fn zero(&self) -> Key {
        Key::zero(self.list.len())
    }

    /// The value of a term as a number whose greater is the better.
    pub(super) fn number(&mut self, place: usize, value: &TermValue) -> i64 {
        let shape = Shape::of(value);
        self.mixed |= self.shapes[place].as_ref().is_some_and(|known| *known != shape);
        self.shapes[place].get_or_insert(shape);
        let number = match value.as_slice() {
            [Value::Int(n)] => *n,
            [Value::Bool(b)] => i64::from(*b),
            _ => self.scales[place].number(value).unwrap_or_else(|| {
                self.crowded = true;
                0
            }),
        };
        self.turned(place, number)
    }

    /// The same for a value that is a whole number.
    pub(super) fn whole(&mut self, place: usize, value: i64) -> i64 {
        self.mixed |= self.shapes[place].as_ref().is_some_and(|known| *known != Shape::Int);
        self.shapes[place].get_or_insert(Shape::Int);
        self.turned(place, value)
    }

    /// The value a number stands for.
    pub(super) fn value(&self, place: usize, number: i64) -> TermValue {
        let number = self.turned(place, number);
        match &self.shapes[place] {
            None | Some(Shape::Int) => vec![Value::Int(number)],
            Some(Shape::Bool) => vec![Value::Bool(number != 0)],
            Some(Shape::Other(_)) => self.scales[place].value(number).cloned().unwrap_or_default(),
        }
    }

    fn turned(&self, place: usize, number: i64) -> i64 {
        match self.list[place].direction {
            Direction::Highest => number,
            Direction::Lowest => !number,
        }
    }
}
