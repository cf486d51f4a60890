// http.js: Node's http client and server, its net and its child processes, on loopback. Prints a line for each
// thing that was tried, `ok NAME: what came of it`, which is the same in every run.
"use strict";
const child = require("child_process");
const cluster = require("cluster");
const crypto = require("crypto");
const dgram = require("dgram");
const http = require("http");
const net = require("net");
const { once } = require("events");
const { pipeline } = require("stream/promises");
const { Readable } = require("stream");

const host = "127.0.0.1";

function result(name, ...values) {
	console.log(`ok ${name}: ${values.map((value) => JSON.stringify(value)).join(", ")}`);
}

async function listening(server) {
	server.listen(0, host);
	await once(server, "listening");
	return server.address().port;
}

function digest(data) {
	return crypto.createHash("sha256").update(data).digest("hex").slice(0, 16);
}

async function bodyOf(stream) {
	const pieces = [];
	for await (const piece of stream)
		pieces.push(piece);
	return Buffer.concat(pieces);
}

async function answer(request, response) {
	const body = await bodyOf(request).catch(() => Buffer.alloc(0));
	if (request.url === "/large") {
		response.end(Buffer.alloc(4000000, "large"));
	} else if (request.url === "/chunks") {
		for (let i = 0; i < 20; i++) {
			response.write(`chunk ${i};`);
			await new Promise(setImmediate);
		}
		response.end();
	} else if (request.url === "/missing") {
		response.writeHead(404).end("none");
	} else if (request.url === "/destroyed") {
		request.socket.destroy();
	} else if (request.url === "/reset") {
		request.socket.resetAndDestroy();
	} else {
		response.end(`${request.method} ${request.url} ${digest(body)}`);
	}
}

function ask(port, path, options = {}, body = undefined) {
	return new Promise((resolve) => {
		const request = http.request({ host, port, path, ...options }, async (response) => {
			const data = await bodyOf(response).catch((error) => Buffer.from(error.code));
			resolve([response.statusCode, data.length, digest(data)]);
		});
		request.on("error", (error) => resolve([error.code]));
		request.end(body);
	});
}

async function requests() {
	const server = http.createServer(answer);
	const port = await listening(server);
	const agent = new http.Agent({ keepAlive: true, maxSockets: 2 });
	for (const path of ["/one", "/large", "/chunks", "/missing", "/destroyed", "/reset", "/after"])
		result(`get ${path}`, await ask(port, path, { agent }));
	result("post", await ask(port, "/post", { method: "POST", agent }, Buffer.alloc(2000000, "upload")));
	result("at once", await Promise.all([...Array(40).keys()].map((i) => ask(port, `/at-once/${i}`, { agent }))));
	result("without an agent", await ask(port, "/alone", { agent: false }));
	agent.destroy();
	server.close();
	await once(server, "close");
	result("after the close", await ask(port, "/late"));
}

// The client goes in the middle of an answer; the server writes until it is told.
async function abandoned() {
	const server = http.createServer((request, response) => {
		Readable.from((function* () { for (;;) yield Buffer.alloc(65536); })()).pipe(response);
		response.on("close", () => { result("abandoned", response.writableFinished); server.close(); });
	});
	const port = await listening(server);
	const request = http.get({ host, port }, (response) => response.once("data", () => request.destroy()));
	request.on("error", () => {});
	await once(server, "close");
}

async function upgraded() {
	const server = http.createServer();
	server.on("upgrade", (request, socket) => {
		socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
		socket.pipe(socket);
	});
	const port = await listening(server);
	const request = http.get({ host, port, headers: { Connection: "Upgrade", Upgrade: "echo" } });
	const [, socket] = await once(request, "upgrade");
	socket.end("over the new protocol");
	result("upgraded", (await bodyOf(socket)).toString());
	server.close();
	await once(server, "close");
}

async function halfOpen() {
	const server = net.createServer({ allowHalfOpen: true }, (socket) => {
		let question = "";
		socket.on("data", (data) => { question += data; }).on("end", () => socket.end(`answer to ${question}`));
	});
	const port = await listening(server);
	const socket = net.connect({ port, host, allowHalfOpen: true });
	socket.end("question");
	result("half-open", (await bodyOf(socket)).toString());
	server.close();
	await once(server, "close");
}

async function writesAfterEnd() {
	const server = net.createServer((socket) => socket.on("error", () => {}).destroy());
	const port = await listening(server);
	const socket = net.connect(port, host);
	await once(socket.resume(), "end");
	const error = await new Promise((resolve) => socket.on("error", resolve).write("late"));
	result("write after the end", error.code);
	server.close();
	await once(server, "close");
}

async function refused() {
	const server = net.createServer();
	const port = await listening(server);
	server.close();
	await once(server, "close");
	const [error] = await once(net.connect(port, host), "error");
	result("refused", error.code, error.syscall);
}

async function localSockets() {
	const server = net.createServer((socket) => socket.pipe(socket));
	server.listen("node.socket");
	await once(server, "listening");
	const socket = net.connect("node.socket");
	const data = bodyOf(socket);
	await pipeline(Readable.from([Buffer.alloc(500000, "local")]), socket, { end: true });
	result("local", digest(await data));
	server.close();
	await once(server, "close");
}

async function datagrams() {
	const one = dgram.createSocket("udp4");
	one.bind(0, host);
	await once(one, "listening");
	const two = dgram.createSocket("udp4");
	two.connect(one.address().port, host);
	await once(two, "connect");
	two.send("datagram");
	const [message] = await once(one, "message");
	one.close();
	await once(one, "close");
	two.send("nobody there");
	const [error] = await once(two, "error");
	result("datagram", message.toString(), error.code);
	two.close();
}

// A child whose three standard descriptors are socketpairs, a shell, a fork that is sent a connection.
async function children() {
	const filter = child.spawn("tr", ["a-z", "A-Z"]);
	filter.stdin.end("through a filter");
	const text = (await bodyOf(filter.stdout)).toString();
	const shell = child.spawnSync("sh", ["-c", "cat; exit 3"], { input: Buffer.alloc(300000, "x") });
	result("children", text, shell.status, shell.stdout.length);
	const deaf = child.spawn("sh", ["-c", "exec <&-; echo closed; read x <&2"], { stdio: ["pipe", "pipe", "pipe"] });
	await once(deaf.stdout, "data");
	const error = await new Promise((resolve) => deaf.stdin.on("error", resolve).write(Buffer.alloc(10)));
	result("child that does not read", error.code);
	deaf.stdin.destroy();
	deaf.kill();
	const [code, signal] = await once(deaf, "exit");
	result("child killed", code, signal);
	const fork = child.fork(__filename, ["echo"]);
	const server = net.createServer((socket) => fork.send("connection", socket));
	const port = await listening(server);
	const socket = net.connect(port, host);
	result("passed to a child", (await bodyOf(socket)).toString());
	fork.disconnect();
	result("child ended", (await once(fork, "exit"))[0]);
	server.close();
}

async function workers() {
	cluster.setupPrimary({ args: ["worker"] });
	const [one, two] = [cluster.fork(), cluster.fork()];
	const [[, address]] = await Promise.all([once(cluster, "listening"), once(one, "listening"), once(two, "listening")]);
	const answers = await Promise.all([...Array(20).keys()].map((i) => ask(address.port, `/${i}`, { agent: false })));
	result("cluster", answers.map((each) => each[0]).join(" "), answers[19]);
	const ends = [once(one, "exit"), once(two, "exit")];
	cluster.disconnect();
	result("cluster ended", (await Promise.all(ends)).map((end) => end[0]));
}

async function main() {
	for (const each of [requests, abandoned, upgraded, halfOpen, writesAfterEnd, refused, localSockets, datagrams,
		children, workers])
		await each();
}

if (process.argv[2] === "echo")
	process.on("message", (message, socket) => socket.end(`from the child: ${message}`));
else if (process.argv[2] === "worker")
	http.createServer(answer).listen(0, host);
else
	main();
