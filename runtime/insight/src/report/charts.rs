//! The report's plots as SVG, drawn by plotters. Colours are marks that the page's style replaces, so that
//! one drawing serves light and dark.

use std::error::Error;
use std::ops::Range;

use llmp_records::text;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Text and axes; the style gives it the page's ink.
pub(super) const INK: RGBColor = RGBColor(0x1A, 0x1B, 0x1C);
/// Lines of the grid.
pub(super) const GRID: RGBColor = RGBColor(0xD1, 0xD2, 0xD3);

/// Colours of series; they read well on light and on dark.
pub(super) const SERIES: [RGBColor; 8] = [
    RGBColor(0x3B, 0x7D, 0xD8),
    RGBColor(0xD9, 0x7A, 0x1F),
    RGBColor(0x2F, 0x9E, 0x6B),
    RGBColor(0xC9, 0x4F, 0x4F),
    RGBColor(0x8B, 0x93, 0x9E),
    RGBColor(0x8A, 0x63, 0xD2),
    RGBColor(0x1F, 0x9A, 0xA8),
    RGBColor(0xB8, 0x8A, 0x1E),
];

const WIDTH: u32 = 900;
const FONT: i32 = 15;
/// Pixels of a letter at [`FONT`], on average.
const LETTER: usize = 7;
const ROW: i32 = 26;

/// A drawing; `None` where there is nothing to draw.
pub(super) type Drawing = Option<String>;

/// A line of a plot.
pub(super) struct Line<'a> {
    /// Its points in order of x.
    pub(super) points: &'a [(f64, f64)],
    /// An index into [`SERIES`].
    pub(super) colour: usize,
    /// Whether a smoothed line stands over a faint one of the points themselves.
    pub(super) smooth: bool,
}

/// Lines over common axes.
pub(super) fn lines(lines: &[Line<'_>], x: &str, y: &str) -> Drawing {
    plot(lines, x, y, 300, false)
}

/// A speed: a lower drawing that starts at 0.
pub(super) fn speed(line: Line<'_>, x: &str, y: &str) -> Drawing {
    plot(&[line], x, y, 200, true)
}

fn plot(lines: &[Line<'_>], x: &str, y: &str, height: i32, from_zero: bool) -> Drawing {
    let finite = |line: &Line<'_>| {
        let finite = line.points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite());
        finite.collect::<Vec<_>>()
    };
    let all: Vec<Vec<(f64, f64)>> = lines.iter().map(finite).collect();
    let x_range = range(all.iter().flatten().map(|point| point.0))?;
    let zero = from_zero.then_some(0.0);
    let y_range = range(all.iter().flatten().map(|point| point.1).chain(zero))?;
    draw(height, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(10)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(x_range, y_range)?;
        chart
            .configure_mesh()
            .x_desc(x)
            .y_desc(y)
            .x_labels(8)
            .y_labels(height as usize / 50)
            .x_label_formatter(&|x| text::short_count(*x))
            .y_label_formatter(&|y| axis(*y))
            .label_style(font(INK))
            .axis_desc_style(font(INK))
            .axis_style(GRID)
            .bold_line_style(GRID.mix(0.6))
            .light_line_style(TRANSPARENT)
            .draw()?;
        for (line, points) in lines.iter().zip(&all) {
            let colour = SERIES[line.colour % SERIES.len()];
            let faint = if line.smooth { colour.mix(0.3) } else { colour.mix(1.0) };
            let width = if line.smooth { 1 } else { 2 };
            chart.draw_series(LineSeries::new(points.iter().copied(), faint.stroke_width(width)))?;
            if line.smooth {
                chart.draw_series(LineSeries::new(smoothed(points), colour.stroke_width(2)))?;
            }
        }
        Ok(())
    })
}

/// Stacked bars, one a row.
pub(super) struct Bar {
    /// What stands before it.
    pub(super) label: String,
    /// Lengths and indices into [`SERIES`].
    pub(super) parts: Vec<(f64, usize)>,
    /// What stands behind it.
    pub(super) note: String,
}

/// Bars below each other, to one scale.
pub(super) fn bars(bars: &[Bar]) -> Drawing {
    let sum = |bar: &Bar| bar.parts.iter().map(|(part, _)| part.max(0.0)).sum::<f64>();
    let longest = bars.iter().map(sum).fold(0.0, f64::max);
    if longest <= 0.0 {
        return None;
    }
    let left = margin(bars.iter().map(|bar| bar.label.as_str()));
    let right = margin(bars.iter().map(|bar| bar.note.as_str()));
    let scale = f64::from(WIDTH as i32 - left - right) / longest;
    draw(bars.len() as i32 * ROW + 4, |area| {
        for (row, bar) in (0..).zip(bars) {
            let (top, middle) = (row * ROW + 4, row * ROW + ROW / 2 + 1);
            area.draw(&Text::new(bar.label.clone(), (left - 8, middle), anchored(HPos::Right)))?;
            let mut from = 0.0;
            for (part, colour) in &bar.parts {
                let to = from + part.max(0.0);
                let corners = [
                    (left + (from * scale).round() as i32, top),
                    (left + (to * scale).round() as i32, top + ROW - 7),
                ];
                if *part > 0.0 {
                    area.draw(&Rectangle::new(corners, SERIES[colour % SERIES.len()].filled()))?;
                }
                from = to;
            }
            let end = left + (from * scale).round() as i32 + 8;
            area.draw(&Text::new(bar.note.clone(), (end, middle), anchored(HPos::Left)))?;
        }
        Ok(())
    })
}

/// A row of a Gantt chart.
pub(super) struct Span {
    /// What stands before it.
    pub(super) label: String,
    /// From and to, in seconds.
    pub(super) at: (f64, f64),
    /// An index into [`SERIES`].
    pub(super) colour: usize,
}

/// When what ran, in seconds from 0 to `end`.
pub(super) fn gantt(spans: &[Span], end: f64) -> Drawing {
    if spans.is_empty() || !end.is_finite() || end <= 0.0 {
        return None;
    }
    let left = margin(spans.iter().map(|span| span.label.as_str()));
    let rows = spans.len() as i32;
    draw(rows * ROW + 44, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin_right(70)
            .margin_top(4)
            .x_label_area_size(36)
            .y_label_area_size(left)
            .build_cartesian_2d(0.0..end, rows..0)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_labels(8)
            .x_label_formatter(&|x| moment(*x, end))
            .label_style(font(INK))
            .axis_style(GRID)
            .bold_line_style(GRID.mix(0.6))
            .light_line_style(TRANSPARENT)
            .draw()?;
        let area = chart.plotting_area();
        for (row, span) in (0..).zip(spans) {
            let (from, to) = span.at;
            let colour = SERIES[span.colour % SERIES.len()];
            let label = EmptyElement::at((0.0, row))
                + Text::new(span.label.clone(), (-8, ROW / 2), anchored(HPos::Right));
            area.draw(&label)?;
            // A bar of no width would not be seen.
            let least = end / f64::from(WIDTH) * 2.0;
            let (x, _) = area.map_coordinate(&(from, row));
            let width = area.map_coordinate(&(to.max(from + least), row)).0 - x;
            let bar =
                EmptyElement::at((from, row)) + Rectangle::new([(0, 4), (width, ROW - 4)], colour.filled());
            area.draw(&bar)?;
            let time = EmptyElement::at((to.max(from + least), row))
                + Text::new(moment(to - from, end), (6, ROW / 2), anchored(HPos::Left));
            area.draw(&time)?;
        }
        Ok(())
    })
}

/// A time within a run of `end` seconds.
fn moment(seconds: f64, end: f64) -> String {
    if end < 2.0 { format!("{:.0} ms", seconds * 1000.0) } else { text::duration(seconds) }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn draw(height: i32, what: impl FnOnce(&Area<'_>) -> Result<(), Box<dyn Error>>) -> Drawing {
    let mut svg = String::new();
    {
        let backend = SVGBackend::with_string(&mut svg, (WIDTH, height.unsigned_abs()));
        let area = backend.into_drawing_area();
        what(&area).ok()?;
        area.present().ok()?;
    }
    Some(svg)
}

fn font(colour: RGBColor) -> TextStyle<'static> {
    ("sans-serif", FONT).into_font().color(&colour)
}

fn anchored(side: HPos) -> TextStyle<'static> {
    font(INK).pos(Pos::new(side, VPos::Center))
}

/// Room for the longest of some texts.
fn margin<'a>(texts: impl Iterator<Item = &'a str>) -> i32 {
    let longest = texts.map(|text| text.chars().count()).max().unwrap_or(0);
    (longest.min(60) * LETTER + 20) as i32
}

/// From the least to the greatest, widened where they are one.
fn range(values: impl Iterator<Item = f64> + Clone) -> Option<Range<f64>> {
    let least = values.clone().fold(f64::INFINITY, f64::min);
    let most = values.fold(f64::NEG_INFINITY, f64::max);
    if !least.is_finite() || !most.is_finite() {
        return None;
    }
    let room = if most > least { (most - least) * 0.03 } else { most.abs().max(1.0) * 0.1 };
    Some(least - room.min(least.abs())..most + room)
}

fn axis(value: f64) -> String {
    match value.abs() {
        1000.0.. => text::short_count(value),
        100.0.. => format!("{value:.0}"),
        _ => format!("{value:.2}"),
    }
}

/// An exponential moving average over about a fiftieth of the points, without the pull towards its start.
fn smoothed(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let keep = 1.0 - 1.0 / (points.len() as f64 / 50.0).max(1.0);
    let (mut sum, mut weight) = (0.0, 0.0);
    let smooth = |&(x, y): &(f64, f64)| {
        sum = sum * keep + y;
        weight = weight * keep + 1.0;
        (x, sum / weight)
    };
    points.iter().map(smooth).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_stays_between_the_points_and_follows_them() {
        let points: Vec<(f64, f64)> = (0..1000).map(|i| (f64::from(i), f64::from(i % 2))).collect();
        let smooth = smoothed(&points);
        assert_eq!(smooth[0], points[0]);
        assert!(smooth[200..].iter().all(|(_, y)| (y - 0.5).abs() < 0.05));
        assert_eq!(smoothed(&points[..3]), points[..3]);
    }

    #[test]
    fn what_cannot_be_drawn_is_left_out() {
        let line = |points| [Line { points, colour: 0, smooth: true }];
        assert!(lines(&line(&[]), "x", "y").is_none());
        assert!(lines(&line(&[(f64::NAN, 1.0), (1.0, f64::INFINITY)]), "x", "y").is_none());
        assert!(lines(&line(&[(1.0, 2.0)]), "x", "y").is_some_and(|svg| svg.contains("</svg>")));
        assert!(bars(&[]).is_none() && gantt(&[], 1.0).is_none());
    }

    #[test]
    fn labels_are_text() {
        let bar = Bar { label: "<script>&".into(), parts: vec![(1.0, 0)], note: "\"x".into() };
        let svg = bars(&[bar]).unwrap();
        assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;&amp;"), "{svg}");
    }
}
