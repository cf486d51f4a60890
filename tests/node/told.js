// Connects, is told by its 'end' that the peer has closed, and writes all the same (bad), or closes too (ok).
//
// The connection may be half open, so that Node leaves it to us what to do at the end.
'use strict';
const net = require('net');

const bad = process.argv[2] === 'bad';
const server = net.createServer((peer) => {
    peer.on('error', () => {});
    peer.write('bye', () => peer.destroy());
});

function neverMind(client) {
    client.write('never mind');
    client.on('error', () => {});
    setImmediate(() => client.destroy());
}

server.listen(0, '127.0.0.1', () => {
    const client = net.connect({port: server.address().port, host: '127.0.0.1', allowHalfOpen: true});
    client.resume();
    client.on('end', () => setImmediate(() => bad ? neverMind(client) : client.end()));
    client.on('close', () => server.close());
});
