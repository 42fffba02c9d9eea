//! A server that lets in so many clients at a time.

use crate::{Attempt, Outcome, Running, rounds};

/// A limit on the clients at a time. A client beyond it is refused with a line of its own.
pub struct Places<'a> {
    /// The limit.
    pub count: usize,
    /// The line for a client that is let in.
    pub welcome: &'a str,
    /// The line for a client that is refused.
    pub refusal: &'a str,
}

impl Places<'_> {
    /// Lets many connect at the same moment: thirty, of which exactly as many are let in as there are
    /// places, and then twice as many as there are places, again and again.
    ///
    /// # Errors
    /// If too many are let in, or too few, or something else is sent.
    pub fn hold_when_many_come(&self, attempt: &Attempt) -> Outcome {
        let welcomed = self.welcomed_of(30, &attempt.serve()?)?;
        if welcomed != self.count {
            return Err(self.finding(30, welcomed));
        }
        // A server that checks in one step and counts in another lets in too many now and then. It may
        // need a moment to see that clients have left, so fewer are right as well.
        let server = attempt.serve()?;
        for _ in rounds(1000) {
            let welcomed = self.welcomed_of(2 * self.count, &server)?;
            if welcomed > self.count {
                return Err(self.finding(2 * self.count, welcomed));
            }
        }
        Ok(())
    }

    fn welcomed_of(&self, many: usize, server: &Running) -> Outcome<usize> {
        let (welcome, refusal) = (self.welcome, self.refusal);
        let mut welcomed = 0;
        let mut crowd = server.connect_at_once(many, &format!("one of {many} clients"))?;
        for client in &mut crowd {
            client.did("connected at the same time as the others");
            match client.line()? {
                line if line == welcome => welcomed += 1,
                line if line == refusal => {}
                other => {
                    let expected = format!("`{welcome}` or `{refusal}`");
                    return Err(client.finding(&expected, &format!("it received `{other}`")));
                }
            }
        }
        Ok(welcomed)
    }

    fn finding(&self, many: usize, welcomed: usize) -> String {
        let Places { count, welcome, .. } = self;
        format!(
            "{many} clients connected at the same time, and {welcomed} of them were told \
             `{welcome}`, but only {count} should have been"
        )
    }
}
