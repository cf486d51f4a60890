# sockets.pl: what Perl programs do with sockets, on loopback and in files of the working directory. Prints a line for each
# thing that was tried, `ok NAME: what came of it`, which is the same in every run.
use strict;
use warnings;
use Errno qw(EPIPE ECONNRESET ECONNREFUSED EBADF EINPROGRESS ENOTCONN);
use Fcntl;
use IO::Handle;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX qw(dup dup2 :sys_wait_h);
use Socket;

$| = 1;

sub result {
    my ($name, @values) = @_;
    print "ok $name: ", join(", ", map { defined $_ ? $_ : "undef" } @values), "\n";
}

sub error_name {
    my %names = (EPIPE, "EPIPE", ECONNRESET, "ECONNRESET", ECONNREFUSED, "ECONNREFUSED", EBADF, "EBADF",
        EINPROGRESS, "EINPROGRESS", ENOTCONN, "ENOTCONN", 0, "none");
    return $names{ $! + 0 } || "errno " . ($! + 0);
}

sub listener {
    my $socket = IO::Socket::INET->new(Listen => 16, LocalAddr => "127.0.0.1", Proto => "tcp", ReuseAddr => 1);
    die "no listener: $!" unless $socket;
    return $socket;
}

sub connected {
    my $listener = listener();
    my $client = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $listener->sockport, Proto => "tcp")
        or die "no connection: $!";
    my $server = $listener->accept or die "no peer: $!";
    return ($client, $server);
}

# A server that forks for each connection and answers through Perl's buffered files.
sub forking_server {
    my $listener = listener();
    my $pid = fork;
    if ($pid == 0) {
        for (1 .. 5) {
            my $connection = $listener->accept;
            my $child = fork;
            if ($child == 0) {
                while (my $line = <$connection>) {
                    chomp $line;
                    print $connection scalar(reverse $line), "\n";
                }
                exit 0;
            }
            close $connection;
            waitpid $child, 0;
        }
        exit 7;
    }
    my @answers;
    for my $number (1 .. 5) {
        my $client = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $listener->sockport) or die;
        $client->autoflush(1);
        print $client "request $number\n";
        my $answer = <$client>;
        chomp $answer;
        push @answers, $answer;
        $client->shutdown(1);
        push @answers, defined(scalar <$client>) ? "more" : "end";
    }
    waitpid $pid, 0;
    result("forking server", @answers, "status " . ($? >> 8));
}

sub broken_pipe {
    my ($client, $server) = connected();
    my $signals = 0;
    local $SIG{PIPE} = sub { $signals++ };
    close $server;
    my $read = sysread $client, my $buffer, 10;
    my $first = syswrite $client, "lost";
    my $second = syswrite $client, "refused";
    result("broken pipe", $read, $first, $second, error_name(), "$signals signals");
    local $SIG{PIPE} = "IGNORE";
    my $third = syswrite $client, "ignored";
    result("broken pipe ignored", $third, error_name());
}

sub killed_by_pipe {
    my ($client, $server) = connected();
    my $pid = fork;
    if ($pid == 0) {
        close $server;
        sysread $client, my $buffer, 1;
        syswrite $client, "x" for 1 .. 3;
        exit 0;
    }
    close $client;
    close $server;
    waitpid $pid, 0;
    result("killed by SIGPIPE", "signal " . ($? & 127));
}

sub reset_by_peer {
    my ($client, $server) = connected();
    setsockopt $server, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0);
    close $server;
    my $read = sysread $client, my $buffer, 10;
    result("reset", $read, error_name());
    my ($other, $unread) = connected();
    syswrite $other, "never read";
    IO::Select->new($unread)->can_read(5);
    close $unread;
    local $SIG{PIPE} = "IGNORE";
    my $written = syswrite $other, "x";
    my $error = error_name();
    result("reset by unread bytes", $written, $error, unpack("i", getsockopt($other, SOL_SOCKET, SO_ERROR)));
}

sub half_close {
    my ($client, $server) = connected();
    print $client "question";
    $client->flush;
    shutdown $client, 1;
    my $question = do { local $/; <$server> };
    print $server "answer to $question";
    close $server;
    my $answer = do { local $/; <$client> };
    result("half-close", $answer);
}

sub large_transfer {
    my ($client, $server) = connected();
    my $size = 3_000_000;
    my $pid = fork;
    if ($pid == 0) {
        close $server;
        my $data = join "", map { chr(65 + $_ % 26) } 0 .. 99_999;
        print $client $data for 1 .. $size / 100_000;
        close $client or exit 1;
        exit 0;
    }
    close $client;
    my ($total, $sum, $buffer) = (0, 0);
    while (my $count = sysread $server, $buffer, 65536) {
        $total += $count;
        $sum = ($sum + unpack "%32C*", $buffer) % 4294967296;
    }
    waitpid $pid, 0;
    result("large transfer", $total, $sum, $? >> 8);
}

sub multiplexed {
    my $listener = listener();
    my @clients = map { IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $listener->sockport) } 1 .. 8;
    my $select = IO::Select->new($listener);
    my ($served, %from) = (0);
    syswrite $clients[$_], "client $_" for 0 .. $#clients;
    while ($served < @clients) {
        for my $ready ($select->can_read(5)) {
            if ($ready == $listener) {
                $select->add(scalar $listener->accept);
                next;
            }
            sysread $ready, my $text, 100;
            $from{$text}++;
            syswrite $ready, "seen $text";
            $select->remove($ready);
            close $ready;
            $served++;
        }
    }
    my @answers = map { my $text; sysread $_, $text, 100; $text } @clients;
    result("select", join(" ", sort keys %from), @answers);
}

sub descriptors {
    my ($client, $server) = connected();
    my $copy = dup(fileno $client);
    close $client;
    my $written = POSIX::write($copy, "by the copy", 11);
    sysread $server, my $text, 100;
    POSIX::close($copy);
    my $end = sysread $server, my $nothing, 100;
    my $again = POSIX::close($copy);
    result("dup", $written, $text, $end, $again, error_name());
}

sub local_sockets {
    my $path = "perl.socket";
    my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 5) or die "no local listener: $!";
    my $client = IO::Socket::UNIX->new(Peer => $path) or die "no local connection: $!";
    my $server = $listener->accept;
    $client->autoflush(1);
    print $client "local\n";
    my $line = <$server>;
    chomp $line;
    close $client;
    local $SIG{PIPE} = "IGNORE";
    my $written = syswrite $server, "x";
    result("local", $line, $written, error_name(), $server->opened ? "open" : "closed");
    socketpair(my $left, my $right, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die;
    my $pid = fork;
    if ($pid == 0) {
        close $left;
        open STDIN, "<&", $right;
        open STDOUT, ">&", $right;
        exec "tr", "a-z", "A-Z" or exit 1;
    }
    close $right;
    syswrite $left, "through a filter\n";
    shutdown $left, 1;
    my $text = <$left>;
    chomp $text;
    waitpid $pid, 0;
    result("filter on a socketpair", $text, $?);
}

sub refused {
    my $port = listener()->sockport;
    my $client = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $port);
    result("refused", defined $client ? "connected" : "refused", error_name());
    socket my $never, PF_INET, SOCK_STREAM, 0;
    local $SIG{PIPE} = "IGNORE";
    my $sent = send $never, "x", 0;
    result("never connected", $sent, error_name());
}

sub datagrams {
    my $one = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Proto => "udp") or die;
    my $two = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $one->sockport, Proto => "udp") or die;
    send $two, "datagram", 0;
    my $from = recv $one, my $text, 100, 0;
    my ($port) = sockaddr_in($from);
    result("datagram", $text, $port == $two->sockport ? "its port" : "another port");
    close $one;
    my $first = send $two, "nobody there", 0;
    my $second = send $two, "nobody there", 0;
    result("datagram to nobody", $first, $second, error_name());
}

forking_server();
broken_pipe();
killed_by_pipe();
reset_by_peer();
half_close();
large_transfer();
multiplexed();
descriptors();
local_sockets();
refused();
datagrams();
