//! Draws the plots of the page, as SVG files of one style.

use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result};
use plotters::prelude::{
    BLACK, ChartBuilder, Circle, Color, IntoDrawingArea, IntoFont, LineSeries, PathElement,
    RGBColor, Rectangle, SVGBackend, SeriesLabelPosition, TRANSPARENT, Text, WHITE,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::statistics::number;

const SIZE: (u32, u32) = (960, 540);
/// The height of a bar and its text. Many bars make a plot higher.
const BAR_HEIGHT: u32 = 48;
const FONT: &str = "sans-serif";
/// The colors of Okabe and Ito, which color-blind readers can tell apart.
const COLORS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(110, 110, 110),
];
/// The color of a limit.
const LIMIT: RGBColor = RGBColor(213, 94, 0);

/// An axis. A logarithmic axis has the logarithms as coordinates, and a `format` that converts them.
pub struct Axis {
    pub label: &'static str,
    pub range: Range<f64>,
    pub format: fn(f64) -> String,
}

/// A line, points, or both.
pub struct Series {
    pub label: String,
    pub points: Vec<(f64, f64)>,
    /// In pixels. Without a width, there is no line.
    pub line_width: u32,
    /// The radius in pixels. Without a radius, there are no points.
    pub point_size: u32,
}

/// A bar with its text, which includes its value.
pub struct Bar {
    pub text: String,
    pub value: f64,
}

/// Returns a number with at most one decimal place.
pub fn plain(value: f64) -> String {
    if (value - value.round()).abs() < 1e-6 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

/// Returns a share between 0 and 1 in percent.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// Draws lines and points.
///
/// # Errors
/// Returns an error if the file can't be written.
pub fn lines(
    file: &Path,
    title: &str,
    (x, y): (&Axis, &Axis),
    series: &[Series],
    legend: SeriesLabelPosition,
) -> Result<()> {
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, (FONT, 22))
        .margin(20)
        .x_label_area_size(56)
        .y_label_area_size(72)
        .build_cartesian_2d(x.range.clone(), y.range.clone())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .x_desc(x.label)
        .y_desc(y.label)
        .x_label_formatter(&|value| (x.format)(*value))
        .y_label_formatter(&|value| (y.format)(*value))
        .label_style((FONT, 16))
        .axis_desc_style((FONT, 18))
        .draw()?;
    for (one, color) in series.iter().zip(COLORS.into_iter().cycle()) {
        if one.line_width > 0 {
            let points = one.points.iter().copied();
            chart.draw_series(LineSeries::new(points, color.stroke_width(one.line_width)))?;
        }
        let points = one.points.iter().filter(|_| one.point_size > 0);
        chart
            .draw_series(points.map(|point| Circle::new(*point, one.point_size, color.filled())))?
            .label(one.label.clone())
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 16, y + 5)], color.filled()));
    }
    chart
        .configure_series_labels()
        .position(legend)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .label_font((FONT, 16))
        .draw()?;
    root.present().with_context(|| file.display().to_string())
}

/// Draws horizontal bars from top to bottom, and a line at the limit if there is one.
///
/// # Errors
/// Returns an error if the file can't be written.
pub fn bars(
    file: &Path,
    title: &str,
    label: &str,
    bars: &[Bar],
    limit: Option<(f64, &str)>,
) -> Result<()> {
    let height = u32::try_from(bars.len())?.saturating_mul(BAR_HEIGHT);
    let size = (SIZE.0, SIZE.1.max(height));
    let root = SVGBackend::new(file, size).into_drawing_area();
    root.fill(&WHITE)?;
    let count = number(bars.len());
    let values = bars.iter().map(|bar| bar.value);
    let longest = values
        .chain(limit.map(|(value, _)| value))
        .fold(0.0, f64::max);
    let mut chart = ChartBuilder::on(&root)
        .caption(title, (FONT, 22))
        .margin(20)
        .x_label_area_size(56)
        .y_label_area_size(20)
        .build_cartesian_2d(0.0..longest * 1.15, 0.0..count)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(0)
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .x_desc(label)
        .x_label_formatter(&|value| plain(*value))
        .label_style((FONT, 16))
        .axis_desc_style((FONT, 18))
        .draw()?;
    let style = (FONT, 16).into_font().color(&BLACK);
    for (index, bar) in bars.iter().enumerate() {
        let bottom = count - number(index) - 1.0;
        let corners = [(0.0, bottom + 0.1), (bar.value, bottom + 0.5)];
        chart.draw_series([Rectangle::new(corners, COLORS[0].filled())])?;
        let above = style.pos(Pos::new(HPos::Left, VPos::Bottom));
        chart.draw_series([Text::new(bar.text.clone(), (0.0, bottom + 0.55), above)])?;
    }
    if let Some((value, text)) = limit {
        let line = vec![(value, 0.0), (value, count)];
        chart.draw_series([PathElement::new(line, LIMIT.stroke_width(2))])?;
        let right = style.pos(Pos::new(HPos::Left, VPos::Top));
        // SVG drops a leading space, except one without a break.
        chart.draw_series([Text::new(format!("\u{a0}{text}"), (value, count), right)])?;
    }
    root.present().with_context(|| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::{percent, plain};

    #[test]
    fn formats_values_of_axes() {
        assert_eq!(plain(20.0), "20");
        assert_eq!(plain(2.5), "2.5");
        assert_eq!(percent(0.2), "20 %");
    }
}
