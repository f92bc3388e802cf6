//! The table in Markdown.

use super::row::{Better, Figure, Goal, MACHINE, Row, STEADING};

/// The columns of systems, in their order.
const SYSTEMS: &[&str] = &[STEADING, "Buildbot", "Slurm", "Laminar", MACHINE];

/// The whole table, with its notes below.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| work | unit | Steading | Buildbot | Slurm | Laminar | the machine itself \
         | Steading is better by | target |\n|---|---|--:|--:|--:|--:|--:|---|---|\n",
    );
    let mut notes: Vec<&str> = Vec::new();
    for row in rows {
        text.push_str(&line(row, &mut notes));
        text.push('\n');
    }
    for (number, note) in notes.iter().enumerate() {
        text.push_str(&format!("\n{}. {note}", number + 1));
    }
    text.push('\n');
    text
}

fn line<'r>(row: &'r Row, notes: &mut Vec<&'r str>) -> String {
    let mut cells = vec![format!("{}{}", row.work, mark(&row.note, notes)), row.unit.to_owned()];
    cells.extend(SYSTEMS.iter().map(|system| cell(row, system)));
    let others = SYSTEMS.iter().filter(|system| **system != STEADING);
    let ratios: Vec<String> = others
        .filter_map(|system| Some(format!("{system} {}×", digits(row.ratio(system)?))))
        .collect();
    cells.push(if ratios.is_empty() { "–".to_owned() } else { ratios.join(", ") });
    cells.push(goals(row));
    format!("| {} |", cells.join(" | "))
}

/// The number of a note, which is written once.
fn mark<'r>(note: &'r str, notes: &mut Vec<&'r str>) -> String {
    if note.is_empty() {
        return String::new();
    }
    let known = notes.iter().position(|known| *known == note);
    let at = known.unwrap_or_else(|| {
        notes.push(note);
        notes.len() - 1
    });
    format!(" ({})", at + 1)
}

/// What a system came to, and what is to be said of it.
fn cell(row: &Row, system: &str) -> String {
    let figure = row.figures.iter().find(|figure| figure.system == system);
    let said = row.said.iter().find(|(of, _)| *of == system).map(|(_, what)| what.as_str());
    match (figure, said) {
        (Some(figure), None) => spread(row, figure),
        (Some(figure), Some(said)) => format!("{}; then {said}", spread(row, figure)),
        (None, said) => said.unwrap_or("–").to_owned(),
    }
}

/// `median (least–most)`.
fn spread(row: &Row, figure: &Figure) -> String {
    let least = figure.values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = figure.values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let median = digits(row.median(figure.system).unwrap_or(f64::NAN));
    match figure.values.len() {
        1 => median,
        _ => format!("{median} ({}–{})", digits(least), digits(most)),
    }
}

fn goals(row: &Row) -> String {
    if row.goals.is_empty() {
        return "–".to_owned();
    }
    let said = row.goals.iter().map(|wanted| {
        let verdict = match row.reached(*wanted) {
            Some(true) => "reached",
            Some(false) => "**not reached**",
            None => "not measured",
        };
        format!("{}: {verdict}", goal(*wanted, row))
    });
    said.collect::<Vec<_>>().join("; ")
}

/// A goal in words.
pub(crate) fn goal(goal: Goal, row: &Row) -> String {
    match (goal, row.better) {
        (Goal::Value(limit), Better::More) => format!("≥ {}", digits(limit)),
        (Goal::Value(limit), Better::Less) => format!("< {}", digits(limit)),
        (Goal::Times(system, factor), _) => format!("{} × {system}", digits(factor)),
    }
}

/// Three significant digits are enough for anybody.
pub(crate) fn digits(value: f64) -> String {
    let size = value.abs();
    match () {
        () if size >= 100.0 || value == 0.0 => grouped(value),
        () if size >= 10.0 => format!("{value:.1}"),
        () if size >= 0.1 => format!("{value:.2}"),
        () => format!("{value:.4}"),
    }
}

/// `12,345`
fn grouped(value: f64) -> String {
    let plain = format!("{:.0}", value.abs());
    let mut text = if value < 0.0 { "-".to_owned() } else { String::new() };
    for (at, digit) in plain.chars().enumerate() {
        if at > 0 && (plain.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        let said = [0.0, 0.0123, 0.5, 12.34, 123.4, 1_234_567.0].map(digits);
        assert_eq!(said, ["0", "0.0123", "0.50", "12.3", "123", "1,234,567"]);
    }

    #[test]
    fn a_row_says_who_is_better_and_what_was_reached() {
        let mut row = Row::new("p", "w", "builds/s", Better::More)
            .goal(Goal::Times("Buildbot", 100.0))
            .goal(Goal::Value(150.0))
            .goal(Goal::Times("Slurm", 1.0));
        [300.0, 100.0, 200.0].into_iter().for_each(|figure| row.add(STEADING, figure));
        row.add("Buildbot", 4.0);
        row.say("Laminar", "not within 40 s");
        assert_eq!(
            line(&row, &mut Vec::new()),
            "| w | builds/s | 200 (100–300) | 4.00 | – | not within 40 s | – | Buildbot 50.0× | \
             100 × Buildbot: **not reached**; ≥ 150: reached; 1.00 × Slurm: not measured |"
        );
    }
}
