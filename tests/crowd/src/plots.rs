//! The plots of the ladder: SVG that can be read on a light page and on a dark one, because it has
//! no background and no colour that is near to either.

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::candidates::CANDIDATES;
use crate::ladder::{Measured, Pattern};

const SIZE: (u32, u32) = (900, 460);
/// Room for the servers' names, right of the curves.
const NAMES: i32 = 200;
const GREY: RGBColor = RGBColor(136, 136, 136);

/// One for each candidate, in their order.
const COLOURS: [RGBColor; CANDIDATES.len()] = [
    RGBColor(136, 136, 136),
    RGBColor(160, 110, 80),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(60, 140, 220),
    RGBColor(0, 158, 115),
    RGBColor(190, 150, 20),
    RGBColor(140, 100, 210),
];

struct Plot {
    file: &'static str,
    title: &'static str,
    unit: &'static str,
    pattern: Pattern,
    value: fn(&Measured) -> Option<f64>,
}

const PLOTS: [Plot; 5] = [
    Plot {
        file: "processor-time.svg",
        title: "One speaks: processor time of a delivery",
        unit: "µs",
        pattern: Pattern::One,
        value: |one| one.processor_time,
    },
    Plot {
        file: "deliveries.svg",
        title: "All speak at once: deliveries a second",
        unit: "a second",
        pattern: Pattern::All,
        value: |one| Some(one.rate),
    },
    Plot {
        file: "memory.svg",
        title: "Memory that each client adds to the server",
        unit: "KiB",
        pattern: Pattern::One,
        value: |one| one.memory.map(|bytes| bytes / 1024.0),
    },
    Plot {
        file: "slowest-reader.svg",
        title: "One speaks: until the slowest reader has the line",
        unit: "ms",
        pattern: Pattern::One,
        value: |one| Some(one.slowest * 1e3),
    },
    Plot {
        file: "slowest-of-a-crowd.svg",
        title: "All speak at once: until the slowest reader has heard everything",
        unit: "ms",
        pattern: Pattern::All,
        value: |one| Some(one.slowest * 1e3),
    },
];

/// All plots: the name of the file, and the SVG.
pub fn all(measured: &[Measured]) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut files = Vec::new();
    for plot in &PLOTS {
        let curves = curves(plot, measured);
        if curves.is_empty() {
            continue;
        }
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            draw(plot, &curves, &area)?;
            area.present().map_err(|error| anyhow!("cannot draw {}: {error}", plot.file))?;
        }
        files.push((plot.file, described(plot, &curves, &svg)));
    }
    Ok(files)
}

/// A server's name and colour, and its value for each number of clients.
struct Curve {
    name: &'static str,
    colour: RGBColor,
    points: Vec<(f64, f64)>,
}

fn curves(plot: &Plot, measured: &[Measured]) -> Vec<Curve> {
    let all = CANDIDATES.iter().zip(COLOURS).map(|(candidate, colour)| {
        let ours = measured
            .iter()
            .filter(|one| one.server == candidate.name && one.pattern == plot.pattern);
        // On a scale where each step is a multiple, nothing is at nought.
        let points =
            ours.filter_map(|one| Some((one.clients as f64, (plot.value)(one)?.max(0.01))));
        Curve { name: candidate.name, colour, points: points.collect() }
    });
    all.filter(|curve| !curve.points.is_empty()).collect()
}

fn draw(
    plot: &Plot,
    curves: &[Curve],
    area: &DrawingArea<SVGBackend, Shift>,
) -> anyhow::Result<()> {
    let failed = |error: DrawingAreaErrorKind<_>| anyhow!("cannot draw {}: {error}", plot.file);
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let low = points().map(|(_, value)| *value).fold(f64::INFINITY, f64::min);
    let high = points().map(|(_, value)| *value).fold(0.0, f64::max);
    let (low, high) = (ten_to(low.log10().floor()), ten_to(high.log10().ceil()));
    let most = points().map(|(clients, _)| *clients).fold(20.0, f64::max);
    let text = ("sans-serif", 15).into_font().color(&GREY);
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_right(NAMES)
        .caption(plot.title, ("sans-serif", 19).into_font().color(&GREY))
        .x_label_area_size(44)
        .y_label_area_size(84)
        .build_cartesian_2d((8.0..most * 1.3).log_scale(), (low..high.max(low * 10.0)).log_scale())
        .map_err(failed)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GREY.mix(0.3))
        .axis_style(GREY)
        .label_style(text)
        .x_desc("clients")
        .y_desc(plot.unit)
        .x_label_formatter(&|clients| plain(*clients))
        .y_label_formatter(&|value| plain(*value))
        .draw()
        .map_err(failed)?;
    let mut ends = Vec::new();
    for Curve { name, colour, points } in curves {
        let line = LineSeries::new(points.iter().copied(), colour.stroke_width(2)).point_size(3);
        chart.draw_series(line).map_err(failed)?;
        ends.extend(points.last().map(|end| (chart.backend_coord(end).1, *name, *colour)));
    }
    // Each name stands beside the end of its curve, or as near to it as others leave room.
    ends.sort_by_key(|(y, ..)| *y);
    let mut free = 0;
    for (y, name, colour) in ends {
        let y = (y - 9).max(free);
        free = y + 18;
        let place = (SIZE.0 as i32 - NAMES + 8, y);
        let font = ("sans-serif", 15).into_font().color(&colour);
        area.draw_text(name, &font, place).map_err(failed)?;
    }
    Ok(())
}

fn ten_to(power: f64) -> f64 {
    10_f64.powf(power)
}

fn plain(number: f64) -> String {
    match number {
        1e6.. => format!("{} million", number / 1e6),
        1e3.. => format!("{},{:03}", number as u64 / 1000, number as u64 % 1000),
        _ => format!("{}", (number * 1000.0).round() / 1000.0),
    }
}

/// The same with a title and all its numbers in words, for those who cannot see it.
fn described(plot: &Plot, curves: &[Curve], svg: &str) -> String {
    let curves: Vec<String> = curves
        .iter()
        .map(|curve| {
            let points = curve.points.iter();
            let values = points.map(|(clients, value)| format!("{clients} clients {value:.2}"));
            format!("{}: {}", curve.name, values.collect::<Vec<_>>().join(", "))
        })
        .collect();
    let words = format!(
        "<title>{}</title>\n<desc>In {}. {}.</desc>\n",
        plot.title,
        plot.unit,
        curves.join("; ")
    );
    let head = svg.find('>').map_or(0, |end| end + 1);
    format!("{}\n{words}{}", &svg[..head], svg[head..].trim_start())
}
