//! What is recorded: the runs that the chapters show.

use anyhow::Result;

use crate::merge::About;
use crate::stage::Stage;

/// A run that is recorded.
pub struct Scenario {
    /// The file's name in book/src/recordings, without `.json`.
    pub name: &'static str,
    /// The packages that it runs.
    pub packages: &'static [&'static str],
    /// What it shows beyond what every recording shows.
    pub about: About,
    /// What happens on the stage.
    pub play: fn(&mut Stage) -> Result<()>,
}

const PLAIN: About = About { windows: false, times: false };

/// All of them.
pub const ALL: &[Scenario] =
    &[Scenario { name: "greeting", packages: &["lesson-greeting"], about: PLAIN, play: greeting }];

fn greeting(stage: &mut Stage) -> Result<()> {
    let server = stage.run("lesson-greeting", &[])?;
    stage.see(server, "服务器监听成功了")?; // listening
    let client = stage.netcat()?;
    stage.see(client, "hello")?;
    stage.ctrl_c(client)?;
    stage.quiet()?;
    stage.ctrl_c(server)?;
    stage.ends(server)
}
