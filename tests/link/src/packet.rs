//! Reads the few fields of an IPv4 packet (RFC 791) and a TCP segment (RFC 9293) that the link
//! needs.

use std::net::Ipv4Addr;

const TCP: u8 = 6;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// Exchanges source and destination of a packet from `here` to another machine of its network, and
/// returns the last byte of that machine's address. Returns `None` for any other packet.
///
/// The checksums stay right, because they are sums, in which the order does not matter.
pub fn turn_around(packet: &mut [u8], here: Ipv4Addr) -> Option<u8> {
    let (network, last) = (&here.octets()[..3], here.octets()[3]);
    let header = packet.first_chunk_mut::<20>()?;
    let version = header[0] >> 4;
    let (source, destination) = (&header[12..16], &header[16..20]);
    let machine = destination[3];
    let another = ![0, last, 255].contains(&machine);
    if version != 4 || source != here.octets() || destination[..3] != *network || !another {
        return None;
    }
    let (source, destination) = header[12..20].split_at_mut(4);
    source.swap_with_slice(destination);
    Some(machine)
}

/// The fields of a TCP segment that the link looks at.
#[derive(Debug, PartialEq)]
pub struct Segment {
    pub from_port: u16,
    pub to_port: u16,
    /// Whether it requests a connection: it is the first of the three segments that open one.
    pub connects: bool,
}

/// Returns the segment in `packet`, if there is the beginning of one.
pub fn segment(packet: &[u8]) -> Option<Segment> {
    let header_length = usize::from(packet.first()? & 0x0f) * 4;
    let offset = u16::from_be_bytes([*packet.get(6)?, *packet.get(7)?]) & 0x1fff;
    if *packet.get(9)? != TCP || offset != 0 {
        return None;
    }
    let segment = packet.get(header_length..)?.first_chunk::<14>()?;
    Some(Segment {
        from_port: u16::from_be_bytes([segment[0], segment[1]]),
        to_port: u16::from_be_bytes([segment[2], segment[3]]),
        connects: segment[13] & (SYN | ACK) == SYN,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

    /// Returns a SYN from 192.0.2.1:40000 to 192.0.2.7:3000.
    fn syn() -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, TCP, 0, 0];
        packet.extend([192, 0, 2, 1, 192, 0, 2, 7]);
        packet.extend(40000_u16.to_be_bytes());
        packet.extend(3000_u16.to_be_bytes());
        packet.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, SYN, 0xff, 0xff, 0, 0, 0, 0]);
        packet
    }

    #[test]
    fn it_comes_from_where_it_was_going() {
        let mut packet = syn();
        assert_eq!(turn_around(&mut packet, HERE), Some(7));
        assert_eq!(packet[12..20], [192, 0, 2, 7, 192, 0, 2, 1]);
        assert_eq!(packet[20..], syn()[20..]);
    }

    #[test]
    fn what_goes_to_no_other_machine_goes_nowhere() {
        for to in [[192, 0, 2, 1], [192, 0, 2, 0], [192, 0, 2, 255], [224, 0, 0, 22], [1, 1, 1, 1]]
        {
            let mut packet = syn();
            packet[16..20].copy_from_slice(&to);
            assert_eq!(turn_around(&mut packet, HERE), None, "to {to:?}");
        }
        let mut version_6 = syn();
        version_6[0] = 0x60;
        assert_eq!(turn_around(&mut version_6, HERE), None);
        for length in 0..20 {
            assert_eq!(turn_around(&mut syn()[..length], HERE), None, "{length} bytes");
        }
    }

    #[test]
    fn a_segment_says_its_ports_and_whether_it_connects() {
        let asks = Segment { from_port: 40000, to_port: 3000, connects: true };
        assert_eq!(segment(&syn()), Some(asks));
        let mut answer = syn();
        answer[33] |= ACK;
        assert_eq!(segment(&answer).map(|segment| segment.connects), Some(false));
        let mut datagram = syn();
        datagram[9] = 17;
        assert_eq!(segment(&datagram), None);
        for length in 0..34 {
            assert_eq!(segment(&syn()[..length]), None, "{length} bytes");
        }
    }
}
