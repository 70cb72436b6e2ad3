//! A network with a gateway whose answers a test chooses, and with a clock of its own.

use super::dag::File;
use parking_lot::Mutex;
use sp_core::offchain::{Externalities, HttpError, HttpRequestId, HttpRequestStatus, OpaqueNetworkState, Timestamp};
use std::{
	collections::{BTreeMap, HashMap},
	sync::Arc,
};
use waybill_primitives::Cid;

/// How the gateway answers a request for a block.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
	/// It sends the block, or 404 if it has none.
	Block,
	/// It sends another block.
	BlockOf(Cid),
	/// It sends other bytes.
	Body(Vec<u8>),
	/// It answers with this status and a page.
	Status(u16),
	/// It cannot be reached.
	NoConnection,
	/// It never answers.
	Hang,
	/// It sends this many bytes, then nothing more.
	HangInBody(usize),
	/// It sends the block after this many milliseconds.
	Slow(u64),
	/// It sends one byte a second.
	Drip,
	/// It sends one byte a second, but each read returns a byte even past its deadline.
	DripPastDeadline,
	/// It sends this many bytes and ends the answer.
	Truncated(usize),
	/// It sends this many bytes, then the connection breaks.
	Broken(usize),
	/// It sends zeroes for ever.
	Endless,
	/// It sends the block after this many milliseconds, even past the deadline.
	Sleep(u64),
	/// It sends the block, and this many milliseconds pass before the reader sees its end, even
	/// past the deadline.
	SleepAtEnd(u64),
}

enum Request {
	/// Not sent yet.
	Prepared(String),
	/// Sent.
	Sent { answer: Answer, body: Vec<u8>, position: usize },
}

struct State {
	now: u64,
	latency: u64,
	blocks: HashMap<String, Vec<u8>>,
	for_all: Answer,
	answers: HashMap<String, Answer>,
	requests: BTreeMap<u16, Request>,
	next: u16,
	asked: Vec<String>,
	headers: Vec<(String, String)>,
	bytes_read: usize,
}

/// The network.
#[derive(Clone)]
pub struct Net(Arc<Mutex<State>>);

impl Default for Net {
	fn default() -> Self {
		Self(Arc::new(Mutex::new(State {
			now: 1_700_000_000_000,
			latency: 1,
			blocks: HashMap::new(),
			for_all: Answer::Block,
			answers: HashMap::new(),
			requests: BTreeMap::new(),
			next: 0,
			asked: vec![],
			headers: vec![],
			bytes_read: 0,
		})))
	}
}

impl Net {
	/// Adds a file's blocks to the gateway.
	pub fn add(&self, file: &File) {
		self.0.lock().blocks.extend(file.blocks.iter().map(|(cid, block)| (cid.to_string(), block.clone())));
	}

	/// Sets how the gateway answers requests for a block.
	pub fn answer(&self, cid: Cid, answer: Answer) {
		self.0.lock().answers.insert(cid.to_string(), answer);
	}

	/// Sets how the gateway answers requests for every other block.
	pub fn answer_all(&self, answer: Answer) {
		self.0.lock().for_all = answer;
	}

	/// Sets how long an answer takes, in milliseconds.
	pub fn set_latency(&self, latency: u64) {
		self.0.lock().latency = latency;
	}

	/// The current time in milliseconds.
	pub fn now(&self) -> u64 {
		self.0.lock().now
	}

	/// Lets time pass.
	pub fn pass(&self, millis: u64) {
		self.0.lock().now += millis;
	}

	/// The URLs requested since the last call.
	pub fn take_requests(&self) -> Vec<String> {
		std::mem::take(&mut self.0.lock().asked)
	}

	/// The headers of the last request.
	pub fn headers(&self) -> Vec<(String, String)> {
		self.0.lock().headers.clone()
	}

	/// The number of bytes read so far.
	pub fn bytes_read(&self) -> usize {
		self.0.lock().bytes_read
	}
}

impl State {
	/// The deadline, which every call must have and which is at most ten seconds away.
	fn deadline(&self, deadline: Option<Timestamp>) -> u64 {
		let deadline = deadline.expect("a call without a deadline blocks for ever").unix_millis();
		assert!(deadline <= self.now + 10_000, "a call that waits for more than ten seconds");
		deadline
	}

	fn send(&mut self, id: u16) {
		let Some(Request::Prepared(url)) = self.requests.get(&id) else { return };
		let url = url.clone();
		let cid = url.split("/ipfs/").nth(1).and_then(|rest| rest.strip_suffix("?format=raw")).expect(&url);
		let answer = self.answers.get(cid).unwrap_or(&self.for_all).clone();
		let block = |cid: &str| self.blocks.get(cid).cloned();
		let (answer, body) = match answer {
			Answer::BlockOf(other) => (Answer::Block, block(&other.to_string()).unwrap()),
			Answer::Body(body) => (Answer::Block, body),
			Answer::Status(code) => (Answer::Status(code), b"<html>no</html>".to_vec()),
			answer => match block(cid) {
				Some(block) => (answer, block),
				None => (Answer::Status(404), vec![]),
			},
		};
		self.asked.push(url);
		self.requests.insert(id, Request::Sent { answer, body, position: 0 });
	}

	/// Waits for `millis` milliseconds, but not beyond the deadline. Returns whether the time was
	/// enough.
	fn wait(&mut self, millis: u64, deadline: u64) -> bool {
		let enough = self.now + millis <= deadline;
		self.now = if enough { self.now + millis } else { deadline.max(self.now) };
		enough
	}
}

impl Externalities for Net {
	fn is_validator(&self) -> bool {
		true
	}

	fn network_state(&self) -> Result<OpaqueNetworkState, ()> {
		Err(())
	}

	fn timestamp(&mut self) -> Timestamp {
		Timestamp::from_unix_millis(self.now())
	}

	fn sleep_until(&mut self, _: Timestamp) {
		panic!("the worker sleeps");
	}

	fn random_seed(&mut self) -> [u8; 32] {
		[0; 32]
	}

	fn http_request_start(&mut self, method: &str, uri: &str, _: &[u8]) -> Result<HttpRequestId, ()> {
		assert_eq!(method, "GET");
		if !uri.starts_with("http://") && !uri.starts_with("https://") {
			return Err(());
		}
		let mut state = self.0.lock();
		let id = state.next;
		state.next += 1;
		state.headers.clear();
		state.requests.insert(id, Request::Prepared(uri.into()));
		Ok(HttpRequestId(id))
	}

	fn http_request_add_header(&mut self, _: HttpRequestId, name: &str, value: &str) -> Result<(), ()> {
		self.0.lock().headers.push((name.into(), value.into()));
		Ok(())
	}

	fn http_request_write_body(
		&mut self,
		id: HttpRequestId,
		chunk: &[u8],
		deadline: Option<Timestamp>,
	) -> Result<(), HttpError> {
		assert!(chunk.is_empty());
		let mut state = self.0.lock();
		state.deadline(deadline);
		state.send(id.0);
		Ok(())
	}

	fn http_response_wait(&mut self, ids: &[HttpRequestId], deadline: Option<Timestamp>) -> Vec<HttpRequestStatus> {
		let mut state = self.0.lock();
		let deadline = state.deadline(deadline);
		let [id] = ids else { panic!("one request at a time") };
		let Some(Request::Sent { answer, .. }) = state.requests.get(&id.0) else { panic!("not sent") };
		let answer = answer.clone();
		let latency = state.latency;
		vec![match answer {
			Answer::NoConnection => HttpRequestStatus::IoError,
			Answer::Hang => {
				state.now = deadline;
				HttpRequestStatus::DeadlineReached
			},
			Answer::Sleep(millis) => {
				state.now += millis;
				HttpRequestStatus::Finished(200)
			},
			Answer::Slow(millis) if !state.wait(millis, deadline) => HttpRequestStatus::DeadlineReached,
			Answer::Slow(_) => HttpRequestStatus::Finished(200),
			_ if !state.wait(latency, deadline) => HttpRequestStatus::DeadlineReached,
			Answer::Status(code) => HttpRequestStatus::Finished(code),
			_ => HttpRequestStatus::Finished(200),
		}]
	}

	fn http_response_headers(&mut self, _: HttpRequestId) -> Vec<(Vec<u8>, Vec<u8>)> {
		vec![]
	}

	fn http_response_read_body(
		&mut self,
		id: HttpRequestId,
		buffer: &mut [u8],
		deadline: Option<Timestamp>,
	) -> Result<usize, HttpError> {
		let mut state = self.0.lock();
		// A deadline in the past is allowed here.
		let deadline = deadline.expect("a read without a deadline blocks for ever").unix_millis();
		let Some(Request::Sent { answer, body, position }) = state.requests.get(&id.0) else { panic!("not sent") };
		let (answer, position) = (answer.clone(), *position);
		let rest = body[position..].to_vec();
		let read = match answer {
			Answer::Drip if !state.wait(1_000, deadline) => return Err(HttpError::DeadlineReached),
			Answer::Drip => rest.len().min(1),
			Answer::DripPastDeadline => {
				state.now += 1_000;
				rest.len().min(1)
			},
			Answer::HangInBody(len) if position >= len => {
				state.now = deadline;
				return Err(HttpError::DeadlineReached);
			},
			Answer::SleepAtEnd(millis) if rest.is_empty() => {
				state.now += millis;
				0
			},
			Answer::Broken(len) if position >= len => return Err(HttpError::IoError),
			Answer::HangInBody(len) | Answer::Broken(len) | Answer::Truncated(len) => rest.len().min(len - position),
			Answer::Endless => {
				buffer.fill(0);
				state.bytes_read += buffer.len();
				return Ok(buffer.len());
			},
			// An odd size, so reads do not end where blocks do.
			_ => rest.len().min(997),
		}
		.min(buffer.len());
		buffer[..read].copy_from_slice(&rest[..read]);
		state.bytes_read += read;
		if let Some(Request::Sent { position, .. }) = state.requests.get_mut(&id.0) {
			*position += read;
		}
		Ok(read)
	}

	fn set_authorized_nodes(&mut self, _: Vec<sp_core::OpaquePeerId>, _: bool) {}
}
