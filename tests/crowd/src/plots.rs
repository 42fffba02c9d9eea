//! Draws the plots of the ladder, with a bar for each server, as SVG. They can be read on a light
//! page and on a dark one, because they have no background and no colour that is close to either.

use anyhow::anyhow;
use indicatif::HumanCount;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::candidates::CANDIDATES;
use crate::ladder::{Measured, Pattern};

/// The number of clients in all plots. The tables have the other numbers.
const CLIENTS: usize = 1_000;

const WIDTH: i32 = 900;
/// The room for the title above the bars, and for the servers' names and the values beside them.
const TITLE: i32 = 48;
const NAMES: i32 = 210;
const VALUES: i32 = 130;
/// The distance from one bar to the next, and how much of that is the bar.
const STEP: i32 = 28;
const BAR: i32 = 18;

const GREY: RGBColor = RGBColor(136, 136, 136);
const OURS: RGBColor = RGBColor(60, 140, 220);
const OTHERS: RGBColor = RGBColor(190, 150, 20);

/// One colour for each candidate, in their order: first the limits, then our servers, then the
/// others.
const COLOURS: [RGBColor; CANDIDATES.len()] = [GREY, GREY, OURS, OURS, OURS, OURS, OTHERS, OTHERS];

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
        title: "One speaks: processor time of a delivery, less is better",
        unit: "µs",
        pattern: Pattern::One,
        value: |one| one.processor_time,
    },
    Plot {
        file: "deliveries.svg",
        title: "All speak: deliveries a second, more is better",
        unit: "",
        pattern: Pattern::All,
        value: |one| Some(one.rate),
    },
    Plot {
        file: "memory.svg",
        title: "Memory that each client adds to the server, less is better",
        unit: "KiB",
        pattern: Pattern::One,
        value: |one| one.memory.map(|bytes| bytes / 1024.0),
    },
    Plot {
        file: "slowest-reader.svg",
        title: "One speaks: until the slowest reader has the line, less is better",
        unit: "ms",
        pattern: Pattern::One,
        value: |one| Some(one.slowest * 1e3),
    },
    Plot {
        file: "slowest-of-a-crowd.svg",
        title: "All speak: until the slowest reader has heard everything, less is better",
        unit: "ms",
        pattern: Pattern::All,
        value: |one| Some(one.slowest * 1e3),
    },
];

/// Draws all plots. Returns the name of each file, and the SVG.
pub fn all(measured: &[Measured]) -> anyhow::Result<Vec<(&'static str, String)>> {
    let clients = measured.iter().map(|one| one.clients).filter(|clients| *clients <= CLIENTS);
    let clients = clients.max().unwrap_or(CLIENTS);
    let mut files = Vec::new();
    for plot in &PLOTS {
        let bars = bars(plot, measured, clients);
        if bars.is_empty() {
            continue;
        }
        let title = format!("{} ({} clients)", plot.title, HumanCount(clients as u64));
        let height = TITLE + STEP * bars.len() as i32;
        let mut svg = String::new();
        {
            let size = (WIDTH as u32, height as u32);
            let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            draw(&title, plot.unit, &bars, &area)
                .and_then(|()| area.present())
                .map_err(|error| anyhow!("cannot draw {}: {error}", plot.file))?;
        }
        files.push((plot.file, described(&title, plot.unit, &bars, &svg)));
    }
    Ok(files)
}

/// A server's name and colour, and its value.
struct Bar {
    name: &'static str,
    colour: RGBColor,
    value: f64,
}

fn bars(plot: &Plot, measured: &[Measured], clients: usize) -> Vec<Bar> {
    let of = |name| {
        measured
            .iter()
            .find(|one| one.server == name && one.pattern == plot.pattern && one.clients == clients)
    };
    let all = CANDIDATES.iter().zip(COLOURS).filter_map(|(candidate, colour)| {
        let value = (plot.value)(of(candidate.name)?)?;
        Some(Bar { name: candidate.name, colour, value })
    });
    all.collect()
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Outcome<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

fn draw<'a>(title: &str, unit: &str, bars: &[Bar], area: &Area<'a>) -> Outcome<'a> {
    let font = |size, horizontal| {
        let style = ("sans-serif", size).into_font().color(&GREY);
        style.pos(Pos::new(horizontal, VPos::Center))
    };
    area.draw_text(title, &font(19, HPos::Left), (NAMES, TITLE / 2))?;
    let most = bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
    for (bar, top) in bars.iter().zip((TITLE..).step_by(STEP as usize)) {
        let length = (bar.value / most * f64::from(WIDTH - NAMES - VALUES)) as i32;
        let end = NAMES + length.max(1);
        let middle = top + BAR / 2;
        area.draw_text(bar.name, &font(15, HPos::Right), (NAMES - 10, middle))?;
        let corners = [(NAMES, top), (end, top + BAR)];
        area.draw(&Rectangle::new(corners, bar.colour.filled()))?;
        let value = with_unit(bar.value, unit);
        area.draw_text(&value, &font(15, HPos::Left), (end + 8, middle))?;
    }
    Ok(())
}

fn with_unit(value: f64, unit: &str) -> String {
    format!("{} {unit}", plain(value)).trim_end().to_string()
}

fn plain(number: f64) -> String {
    match number {
        1e6.. => format!("{:.1} million", number / 1e6),
        1e3.. => format!("{},{:03}", number as u64 / 1000, number as u64 % 1000),
        100.0.. => format!("{number:.0}"),
        10.0.. => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

/// Returns the same SVG with a title and all its numbers in words, for readers who cannot see it.
fn described(title: &str, unit: &str, bars: &[Bar], svg: &str) -> String {
    let values = bars.iter().map(|bar| format!("{}: {}", bar.name, with_unit(bar.value, unit)));
    let values = values.collect::<Vec<_>>().join("; ");
    let words = format!("<title>{title}</title>\n<desc>{values}.</desc>\n");
    let head = svg.find('>').map_or(0, |end| end + 1);
    format!("{}\n{words}{}", &svg[..head], svg[head..].trim_start())
}
