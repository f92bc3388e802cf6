//! A row of the table: what was done, what each system came to, what was aimed at.

use serde_json::{Value, json};

/// The system all others are held against.
pub(crate) const STEADING: &str = "Steading";
/// The machine's own limit.
pub(crate) const MACHINE: &str = "machine";

/// Which figures are good ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    /// Rates.
    More,
    /// Times and costs.
    Less,
}

/// What a row aims at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// The median is at least this, or less than this if less is better.
    Value(f64),
    /// Better than another system by at least this factor.
    Times(&'static str, f64),
}

/// What one system came to, round by round.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) system: &'static str,
    pub(crate) values: Vec<f64>,
}

/// One row.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The part of the comparison it belongs to.
    pub(crate) part: &'static str,
    /// What was done.
    pub(crate) work: String,
    /// Of all its figures.
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
    pub(crate) figures: Vec<Figure>,
    /// What is to be said of a system that came to no figure.
    pub(crate) said: Vec<(&'static str, String)>,
    pub(crate) goals: Vec<Goal>,
    /// What a reader has to know about it.
    pub(crate) note: String,
}

impl Row {
    /// A row without figures.
    pub(crate) fn new(
        part: &'static str,
        work: impl Into<String>,
        unit: &'static str,
        better: Better,
    ) -> Row {
        let (figures, said, goals) = (Vec::new(), Vec::new(), Vec::new());
        Row { part, work: work.into(), unit, better, figures, said, goals, note: String::new() }
    }

    /// Adds a goal.
    pub(crate) fn goal(mut self, goal: Goal) -> Row {
        self.goals.push(goal);
        self
    }

    /// Adds a remark.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Row {
        self.note = note.into();
        self
    }

    /// Adds one round's figure of a system.
    pub(crate) fn add(&mut self, system: &'static str, value: f64) {
        match self.figures.iter_mut().find(|figure| figure.system == system) {
            Some(figure) => figure.values.push(value),
            None => self.figures.push(Figure { system, values: vec![value] }),
        }
    }

    /// Says in words what a system came to, where that is no figure.
    pub(crate) fn say(&mut self, system: &'static str, what: impl Into<String>) {
        self.said.push((system, what.into()));
    }

    /// The median of a system's figures.
    pub(crate) fn median(&self, system: &str) -> Option<f64> {
        let figure = self.figures.iter().find(|figure| figure.system == system)?;
        let mut sorted = figure.values.clone();
        sorted.sort_by(f64::total_cmp);
        let half = sorted.len() / 2;
        match sorted.len() {
            0 => None,
            odd if odd % 2 == 1 => Some(sorted[half]),
            _ => Some(f64::midpoint(sorted[half - 1], sorted[half])),
        }
    }

    /// How many times better Steading is than a system.
    pub(crate) fn ratio(&self, system: &str) -> Option<f64> {
        let (ours, theirs) = (self.median(STEADING)?, self.median(system)?);
        Some(match self.better {
            Better::More => ours / theirs,
            Better::Less => theirs / ours,
        })
    }

    /// Whether a goal was reached; nothing if it could not be measured.
    pub(crate) fn reached(&self, goal: Goal) -> Option<bool> {
        match (goal, self.better) {
            (Goal::Value(limit), Better::More) => Some(self.median(STEADING)? >= limit),
            (Goal::Value(limit), Better::Less) => Some(self.median(STEADING)? < limit),
            (Goal::Times(system, factor), _) => Some(self.ratio(system)? >= factor),
        }
    }

    /// Everything, for programs.
    pub(crate) fn json(&self) -> Value {
        let figures = self.figures.iter().map(|f| (f.system.to_owned(), json!(f.values)));
        let goals = self.goals.iter().map(|goal| {
            let text = super::table::goal(*goal, self);
            json!({ "goal": text, "reached": self.reached(*goal) })
        });
        let said = self.said.iter().map(|(system, what)| ((*system).to_owned(), json!(what)));
        json!({
            "said": said.collect::<serde_json::Map<_, _>>(),
            "part": self.part, "work": self.work, "unit": self.unit,
            "figures": figures.collect::<serde_json::Map<_, _>>(),
            "goals": goals.collect::<Vec<_>>(), "note": self.note,
        })
    }
}
