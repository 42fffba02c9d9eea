// ANCHOR: invitation
//! The page's address on the terminal, and its QR code for phones.

use std::io::{IsTerminal, stderr};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use shared::{networks, note};

/// Shows where the page is, if it is at `bound`.
pub fn show(bound: SocketAddr) {
    let hosts = reached_at(bound.ip());
    let page = |ip: &IpAddr| format!("http://{}/", SocketAddr::new(*ip, bound.port()));
    let pages: Vec<String> = hosts.iter().map(page).collect();
    note!("join with a browser: {}", pages.join(" or "));
    if bound.ip().is_loopback() {
        note!("(only on this machine; -- 0.0.0.0:3000 lets phones in, and shows a QR code)");
    } else if hosts.iter().all(IpAddr::is_loopback) {
        note!("(this machine is in no network, so no phone can reach it)");
    } else if let Ok(code) = QrCode::new(&pages[0]) {
        note!("{}", drawn(&code));
    }
}

/// Draws a code with characters that are two modules high. A phone expects dark on light, so the
/// characters are the light ones, in white on black whatever the colours of the terminal are.
fn drawn(code: &QrCode) -> String {
    let (dark, light) = (Dense1x2::Light, Dense1x2::Dark);
    let drawing = code.render().dark_color(dark).light_color(light).build();
    if !stderr().is_terminal() {
        return drawing;
    }
    let lines = drawing.lines().map(|line| format!("\x1b[97;40m{line}\x1b[0m"));
    lines.collect::<Vec<String>>().join("\n")
}

/// Returns the addresses at which a browser reaches a listener that is bound to `ip`.
fn reached_at(ip: IpAddr) -> Vec<IpAddr> {
    if !ip.is_unspecified() {
        return vec![ip];
    }
    let all = networks().unwrap_or_default().into_iter().map(|network| network.ip);
    let mut reached: Vec<IpAddr> = all.filter(|ip| ip.is_ipv4() && !ip.is_loopback()).collect();
    reached.dedup();
    if reached.is_empty() { vec![Ipv4Addr::LOCALHOST.into()] } else { reached }
}
// ANCHOR_END: invitation
