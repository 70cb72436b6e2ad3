//! The program that is run when a new version is installed.

use super::slots::Installed;
use crate::error::{Error, Kind, OrFail, Result};
use std::{path::Path, process::Stdio, time::Duration};
use tokio::{process::Command, time::timeout};

/// Runs the hook and waits for it; the caller runs it again if it fails. It is told what is installed by its environment.
pub async fn run(hook: &Path, image: &Path, installed: &Installed, limit: Duration) -> Result<()> {
	let name = hook.display();
	let mut child = Command::new(hook)
		.env("WAYBILL_IMAGE", image)
		.env("WAYBILL_RELEASE", installed.release.to_string())
		.env("WAYBILL_VERSION", installed.version.to_string())
		.env("WAYBILL_SECURITY_VERSION", installed.security_version.to_string())
		.stdin(Stdio::null())
		// Standard output is for results.
		.stdout(Stdio::from(std::io::stderr()))
		.kill_on_drop(true)
		.spawn()
		.or_fail(Kind::File, || format!("cannot run the hook {name}"))?;
	match timeout(limit, child.wait()).await {
		Ok(Ok(status)) if status.success() => Ok(()),
		Ok(Ok(status)) => {
			Err(Error::new(Kind::Failure, format!("the hook {name} failed ({status}); it is run again after a while")))
		},
		Ok(Err(error)) => Err(Error::new(Kind::Failure, format!("the hook {name}: {error}"))),
		Err(_) => Err(Error::new(
			Kind::Failure,
			format!("the hook {name} took longer than {} s and was stopped; it is run again after a while", limit.as_secs()),
		)),
	}
}
