//! Captures the segments on the loopback interface with tcpdump.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// A running tcpdump.
pub struct Capture {
    tcpdump: Child,
    file: PathBuf,
}

/// A TCP segment.
#[derive(Debug, Clone)]
pub struct Segment {
    /// When it was sent, in seconds since 1970.
    pub time: f64,
    pub from: u16,
    pub to: u16,
    /// The flags as tcpdump writes them: `S`, `S.`, `P.`, `.`, `F.`, `R`, `R.`.
    pub flags: String,
    pub data: Vec<u8>,
    /// The number of bytes that the sender has room for.
    pub window: u64,
}

impl Capture {
    /// Starts tcpdump. Everything that is sent from now on will be in the file.
    pub fn begin(file: &Path) -> Result<Capture> {
        let mut tcpdump = Command::new("tcpdump")
            .args(["-i", "lo", "--immediate-mode", "-U", "-Z", "root", "-B", "65536", "-w"])
            .arg(file)
            .arg("tcp")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start tcpdump")?;
        // Its first line says that it is listening, or why it cannot.
        let stderr = tcpdump.stderr.take().context("tcpdump has no stderr")?;
        let mut first = String::new();
        let mut stderr = BufReader::new(stderr);
        stderr.read_line(&mut first)?;
        ensure!(first.contains("listening on"), "tcpdump cannot capture: {first}");
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        Ok(Capture { tcpdump, file: file.to_path_buf() })
    }

    /// Returns the id of the process that captures.
    pub fn process_id(&self) -> u32 {
        self.tcpdump.id()
    }

    /// Waits until tcpdump has written everything that has been sent so far. Programs on other ends may
    /// send on.
    pub fn catch_up(&self) -> Result<()> {
        const MARK: &[u8] = b"everything before this has been written";
        let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen")?;
        let mut mark = TcpStream::connect(listener.local_addr()?).context("cannot connect")?;
        mark.write_all(MARK).context("cannot send")?;
        harness::wait_until("tcpdump has written everything", || {
            let written = fs::read(&self.file).unwrap_or_default();
            written.windows(MARK.len()).any(|bytes| bytes == MARK)
        });
        Ok(())
    }

    /// Stops capturing, and returns all segments.
    pub fn end(mut self) -> Result<Vec<Segment>> {
        self.stop();
        let file = fs::read(&self.file).context("cannot read what tcpdump has captured")?;
        parse(&file)
    }
}

impl Capture {
    fn stop(&mut self) {
        // Both fail only if it has already ended.
        let _ = self.tcpdump.kill();
        let _ = self.tcpdump.wait();
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Parses the file format of libpcap (pcap-savefile(5)) with packets of Ethernet and IPv4 in it.
fn parse(file: &[u8]) -> Result<Vec<Segment>> {
    let number = |at: usize| -> Option<usize> {
        let bytes = file.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    if number(0) != Some(0xa1b2_c3d4) {
        bail!("tcpdump's file is not in the format of libpcap, little-endian, in microseconds");
    }
    let mut segments = Vec::new();
    let mut ends = HashMap::new();
    let mut at = 24; // after the file's own header
    while let (Some(seconds), Some(micros), Some(length)) =
        (number(at), number(at + 4), number(at + 8))
    {
        let Some(packet) = file.get(at + 16..at + 16 + length) else { break };
        let time = seconds as f64 + micros as f64 / 1e6;
        segments.extend(segment(packet, time, &mut ends));
        at += 16 + length;
    }
    Ok(segments)
}

/// The state of one end of a connection.
struct End {
    /// The scale of its windows, which only the SYN announces (RFC 7323).
    scale: u8,
    /// The next sequence number.
    next: u32,
    has_ended: bool,
}

impl End {
    /// Records what is sent. Returns false if the kernel retransmits a segment that seems to be
    /// lost, or answers a late one with a reset: both happen on a loaded machine, and mean nothing.
    fn sends(&mut self, sequence: u32, length: u32, bits: u8) -> bool {
        let next = sequence.wrapping_add(length);
        let is_news = length == 0 || next.wrapping_sub(self.next) as i32 > 0;
        let resets_late = bits & 4 != 0 && self.has_ended;
        if length > 0 && is_news {
            self.next = next;
        }
        self.has_ended |= bits & 1 != 0;
        is_news && !resets_late
    }
}

/// Returns the segment in a packet, or `None` if it is not TCP over IPv4, or is nothing new. `ends`
/// are indexed by their own port and the other end's.
fn segment(packet: &[u8], time: f64, ends: &mut HashMap<(u16, u16), End>) -> Option<Segment> {
    let ip = packet.get(14..)?;
    if ip.first()? >> 4 != 4 || *ip.get(9)? != 6 {
        return None;
    }
    let total = usize::from(u16::from_be_bytes([*ip.get(2)?, *ip.get(3)?]));
    // If segmentation is left to the device, the total of a large segment is 0.
    let end = if total == 0 { ip.len() } else { total };
    let tcp = ip.get(usize::from(ip[0] & 15) * 4..end)?;
    let two = |at: usize| Some(u16::from_be_bytes([*tcp.get(at)?, *tcp.get(at + 1)?]));
    let (from, to, bits) = (two(0)?, two(2)?, *tcp.get(13)?);
    let header = usize::from(tcp.get(12)? >> 4) * 4;
    let data = tcp.get(header..)?;
    let sequence = u32::from_be_bytes(tcp.get(4..8)?.try_into().ok()?);
    let known = ends.get(&(from, to)).is_some_and(|end| sequence.wrapping_add(1) == end.next);
    if bits & 2 != 0 && !known {
        let scale = window_scale(tcp.get(20..header)?);
        ends.insert((from, to), End { scale, next: sequence, has_ended: false });
    }
    let mut scale = 0; // for a SYN, and for a reset that answers one
    if let Some(end) = ends.get_mut(&(from, to)) {
        let length = data.len() as u32 + u32::from(bits & 2 != 0) + u32::from(bits & 1 != 0);
        if !end.sends(sequence, length, bits) {
            return None;
        }
        scale = if bits & 2 != 0 { 0 } else { end.scale };
    }
    let names = [(1, 'F'), (2, 'S'), (4, 'R'), (8, 'P'), (16, '.')];
    Some(Segment {
        time,
        from,
        to,
        flags: names.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| name).collect(),
        data: data.to_vec(),
        window: u64::from(two(14)?) << scale,
    })
}

fn window_scale(mut options: &[u8]) -> u8 {
    loop {
        options = match options {
            [3, 3, scale, ..] => return *scale,
            [1, rest @ ..] => rest,
            [_, length, ..] if *length >= 2 => options.get(usize::from(*length)..).unwrap_or(&[]),
            _ => return 0,
        }
    }
}
