//! Lets strangers and honest clients use the same server, turn by turn.

use harness::{Program, expect_service, lesson};

use crate::random::Random;
use crate::rest::{InUse, check_end, check_screen, come_to_rest};
use crate::room::Room;
use crate::stranger::Stranger;
use crate::wire::Wire;

/// The maximum number of strangers that are connected at the same time.
const CROWD: usize = 60;

/// The number of additional strangers that never read.
const SLEEPERS: usize = 3;

/// The maximum number of bytes that strangers send before every honest client has received them. A
/// server may drop a client that has not read 512 KiB, and on a busy machine an honest one may be
/// late.
const UNHEARD: usize = 128 * 1024;

/// The maximum number of turns before every honest client has received everything.
const TURNS: usize = 100;

/// A server, and everybody who is connected to it.
pub struct Fuzz<'a> {
    package: &'a str,
    server: Program,
    in_use_by_nobody: InUse,
    random: Random,
    wire: Option<Wire>,
    /// The honest clients. A server whose clients do not hear each other has none that stay.
    room: Option<Room>,
    strangers: Vec<Stranger>,
    /// Strangers that are there from the beginning to the end, and never read.
    sleepers: Vec<Stranger>,
    /// The number of clients that have connected.
    connections: usize,
    /// The bytes that the honest clients may not have received yet, and for how many turns.
    unheard: usize,
    turns: usize,
}

impl<'a> Fuzz<'a> {
    /// Starts the server of `package`, and connects the honest clients.
    pub fn start(package: &'a str, seed: u64) -> Fuzz<'a> {
        let server = Program::server(lesson(package));
        expect_service(package, &server);
        come_to_rest(package, server.process_id());
        let in_use_by_nobody = InUse::by(server.process_id());
        let wire = Wire::of(package);
        let room = wire.map(|wire| Room::open(&server, wire, seed));
        let sleepers = Vec::from([(); SLEEPERS].map(|()| Stranger::asleep(&server)));
        let connections = 2 + SLEEPERS + room.as_ref().map_or(0, |room| room.addresses().len());
        Fuzz {
            package,
            server,
            in_use_by_nobody,
            random: Random::new(seed),
            wire,
            room,
            strangers: Vec::new(),
            sleepers,
            connections,
            unheard: 0,
            turns: 0,
        }
    }

    /// Lets a client do something.
    pub fn turn(&mut self) {
        self.turns += 1;
        match self.random.below(100) {
            0..=9 => self.somebody_speaks(),
            10..=18 => self.a_stranger_connects(),
            19 => self.a_guest_speaks(),
            20 if self.random.once_in(10) => {
                let burst = self.random.below(30);
                (0..burst).for_each(|_| self.a_stranger_connects());
            }
            _ => (0..3).for_each(|_| self.a_stranger_goes_on()),
        }
        if self.turns >= TURNS || self.unheard > UNHEARD {
            self.serve();
        }
    }

    fn a_stranger_connects(&mut self) {
        if self.strangers.len() < CROWD {
            let stranger = Stranger::connect(&self.server, self.wire, &mut self.random);
            if let Some(room) = &self.room {
                room.let_in(stranger.port());
            }
            self.strangers.push(stranger);
            self.connections += 1;
        }
    }

    fn a_stranger_goes_on(&mut self) {
        if self.strangers.is_empty() {
            return;
        }
        let chosen = self.random.below(self.strangers.len());
        self.unheard += self.strangers[chosen].will_be_heard(self.wire);
        if !self.strangers[chosen].step() {
            self.strangers.swap_remove(chosen).leave();
        }
    }

    /// Lets an honest client send something, perhaps with strangers between the parts of a line.
    fn somebody_speaks(&mut self) {
        let Some(room) = &mut self.room else { return };
        let (speaker, pieces) = room.something_to_say(&mut self.random);
        for (number, piece) in pieces.iter().enumerate() {
            if number > 0 && self.random.once_in(2) {
                self.a_stranger_goes_on();
            }
            if let Some(room) = &self.room {
                room.send(speaker, piece);
            }
        }
    }

    fn a_guest_speaks(&mut self) {
        if let Some(room) = &mut self.room {
            room.a_guest_speaks(&self.server, &mut self.random);
            self.connections += 1;
        }
    }

    /// Waits until honest clients have received everything that they should.
    fn serve(&mut self) {
        match &self.room {
            Some(room) => room.hear_everything(),
            None => {
                expect_service(self.package, &self.server);
                self.connections += 2;
            }
        }
        (self.unheard, self.turns) = (0, 0);
    }

    /// Lets everybody leave, and checks that the server is as it was at the beginning, still
    /// serves, has printed what it should, and ends. Returns a summary in words.
    pub fn finish(mut self) -> String {
        self.strangers.drain(..).for_each(Stranger::leave);
        let mut honest = Vec::new();
        let mut heard = 0;
        if let Some(mut room) = self.room.take() {
            honest = room.addresses();
            room.speak_in_turn();
            heard = room.close();
        }
        // Clients that do not read must not keep the server busy.
        come_to_rest(self.package, self.server.process_id());
        self.sleepers.drain(..).for_each(Stranger::leave);
        self.in_use_by_nobody.wait_for(self.server.process_id());
        come_to_rest(self.package, self.server.process_id());
        expect_service(self.package, &self.server);
        self.connections += 2;
        check_screen(self.package, &self.server, self.connections, &honest);
        check_end(self.package, self.server);
        format!("{} connections, {heard} honest messages", self.connections)
    }
}
