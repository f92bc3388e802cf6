//! Growth curves as a picture: one panel each, both axes by powers of ten.

use std::fmt::Write as _;

/// One curve: what grew, and what came of it.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    /// What grew.
    pub(crate) against: &'static str,
    /// What was measured, with its unit.
    pub(crate) of: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 220.0;
/// Room for numbers and names around a panel.
const EDGE: f64 = 48.0;
const COLUMNS: usize = 2;
/// The last number below an axis reaches over its panel.
const OVER: f64 = 16.0;

/// All panels, two in a row. It says its own colours, so that it can be read on a dark page too.
pub(crate) fn picture(curves: &[Curve]) -> String {
    let rows = curves.len().div_ceil(COLUMNS);
    let (width, height) = (WIDTH * COLUMNS as f64 + OVER, HEIGHT * rows as f64);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for (number, curve) in curves.iter().enumerate() {
        let (column, row) = (number % COLUMNS, number / COLUMNS);
        let (x, y) = (column as f64 * WIDTH, row as f64 * HEIGHT);
        let _ = writeln!(svg, "<g transform=\"translate({x} {y})\">");
        panel(&mut svg, curve);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(svg: &mut String, curve: &Curve) {
    let decades = |values: &mut dyn Iterator<Item = f64>| {
        let logs: Vec<f64> = values.map(|value| value.max(1e-3).log10()).collect();
        let least = logs.iter().copied().fold(f64::INFINITY, f64::min).floor();
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max).ceil();
        (least, most.max(least + 1.0))
    };
    let (left, right) = decades(&mut curve.points.iter().map(|point| point.0));
    let (low, high) = decades(&mut curve.points.iter().map(|point| point.1));
    let place = |(x, y): (f64, f64)| {
        let across = (x.max(1e-3).log10() - left) / (right - left);
        let up = (y.max(1e-3).log10() - low) / (high - low);
        (EDGE + across * (WIDTH - EDGE - 16.0), HEIGHT - EDGE - up * (HEIGHT - EDGE - 30.0))
    };
    let _ = writeln!(
        svg,
        "<text x=\"{EDGE}\" y=\"18\" font-weight=\"bold\">{} against {}</text>",
        curve.of, curve.against
    );
    for decade in whole(left, right) {
        let (x, bottom) = place((10_f64.powf(decade), 10_f64.powf(low)));
        let (_, top) = place((1.0, 10_f64.powf(high)));
        line(svg, (x, top), (x, bottom), "#ddd");
        text(svg, (x, bottom + 14.0), "middle", &power(decade));
    }
    for decade in whole(low, high) {
        let (_, y) = place((1.0, 10_f64.powf(decade)));
        let (start, end) = (EDGE, WIDTH - 16.0);
        line(svg, (start, y), (end, y), "#ddd");
        text(svg, (EDGE - 6.0, y + 4.0), "end", &power(decade));
    }
    let points: Vec<(f64, f64)> = curve.points.iter().map(|point| place(*point)).collect();
    for pair in points.windows(2) {
        line(svg, pair[0], pair[1], "#0b62a4");
    }
    for ((x, y), (_, value)) in points.iter().zip(&curve.points) {
        let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"#0b62a4\"/>");
        text(svg, (*x, y - 7.0), "middle", &super::table::digits(*value));
    }
}

fn whole(from: f64, to: f64) -> impl Iterator<Item = f64> {
    (0..).map(move |step| from + f64::from(step)).take_while(move |decade| *decade <= to)
}

fn power(decade: f64) -> String {
    let digits = super::table::digits(10_f64.powf(decade));
    digits.trim_end_matches(".00").trim_end_matches(".0").to_owned()
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), colour: &str) {
    let _ = writeln!(
        svg,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\"/>",
        from.0, from.1, to.0, to.1
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, text: &str) {
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_drawn_within_its_panel() {
        let points = vec![(0.0, 2.0), (1.0, 3.0), (100_000.0, 2.5)];
        let svg = picture(&[Curve { against: "queue", of: "ms", points }]);
        let circles: Vec<&str> = svg.lines().filter(|line| line.starts_with("<circle")).collect();
        assert_eq!(circles.len(), 3);
        for circle in circles {
            let numbers: Vec<f64> =
                circle.split('"').filter_map(|word| word.parse().ok()).collect();
            assert!((0.0..=WIDTH).contains(&numbers[0]) && (0.0..=HEIGHT).contains(&numbers[1]));
        }
    }
}
