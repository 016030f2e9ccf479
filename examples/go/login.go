// A whole login against authflowd: AUTHFLOW_SERVER=host:port AUTHFLOW_PRODUCT=name login [--device]
//
// With --device it shows a code to type in anywhere (RFC 8628). The numbers D1..D20 are those of docs/client-guide.md. README.md says how to build it.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	mrand "math/rand"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	pb "authflow/gen/authflow/v1"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var errEnded = errors.New("the server ended this sign-in")

// refusal is what the server refused with; without a reason it is the network's word, not the server's.
func refusal(err error) *errdetails.ErrorInfo {
	if err != nil {
		for _, detail := range status.Convert(err).Details() {
			if info, ok := detail.(*errdetails.ErrorInfo); ok && info.Domain == "authflow" {
				return info
			}
		}
	}
	return &errdetails.ErrorInfo{}
}

// call makes one RPC, and makes it again with the same request while nobody knows whether it took effect (D13).
func call(ctx context.Context, limit time.Duration, rpc func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit) // D18
	defer cancel()
	for pause := 100 * time.Millisecond; ; pause *= 2 {
		err := rpc(ctx)
		switch reason := refusal(err).Reason; {
		case reason == "SERVER_BUSY":
			if pause < 500*time.Millisecond { // what its RetryInfo says
				pause = 500 * time.Millisecond
			}
		case reason == "STORE_UNAVAILABLE", reason == "" && status.Code(err) == codes.Unavailable:
		default:
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

func newUUID() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// keep writes beside the file's place with mode 0600, then moves it there: never half a file.
func keep(name string, text []byte) (string, error) {
	data := os.Getenv("XDG_DATA_HOME")
	if data == "" {
		data = filepath.Join(os.Getenv("HOME"), ".local/share")
	}
	folder := filepath.Join(data, "authflow-go-example")
	path := filepath.Join(folder, name)
	if text == nil {
		return path, nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return path, err
	}
	beside := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.WriteFile(beside, text, 0o600); err != nil {
		return path, err
	}
	return path, os.Rename(beside, path)
}

func invocation() *pb.Invocation {
	run := &pb.Invocation{InvocationId: newUUID(), Command: "login"}
	switch os.Getenv("DO_NOT_TRACK") {
	case "", "0", "false":
	default:
		run.DoNotTrack = true
		return run
	}
	path, _ := keep("installation", nil)
	id, err := os.ReadFile(path)
	if err != nil {
		id = []byte(newUUID())
		keep("installation", id)
	}
	run.AnonymousId = string(id)
	return run
}

type redirect struct {
	query string
	page  chan string
}

// listener is where the provider sends the browser.
type listener struct {
	uri       string
	redirects chan redirect
	pages     sync.WaitGroup // that are still to be sent
	mutex     sync.Mutex
	state     string
}

func listen(address, path string) (*listener, error) {
	socket, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	l := &listener{uri: "http://" + socket.Addr().String() + path, redirects: make(chan redirect)}
	go http.Serve(socket, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mutex.Lock()
		states := r.URL.Query()["state"]
		ours := r.Method == "GET" && r.URL.Path == path && len(states) == 1 && states[0] == l.state && l.state != ""
		l.mutex.Unlock()
		if !ours {
			http.NotFound(w, r) // D8
			return
		}
		l.pages.Add(1)
		defer l.pages.Done()
		arrived := redirect{r.URL.RawQuery, make(chan string)}
		l.redirects <- arrived
		text := <-arrived.page
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		fmt.Fprint(w, text)
		if flusher, ok := w.(http.Flusher); ok {
			flusher.Flush()
		}
	}))
	return l, nil
}

type login struct {
	flows    pb.FlowServiceClient
	tokens   pb.TokenServiceClient
	product  string
	device   bool
	listener *listener
	token    string
	ended    chan struct{} // closed when the server says that the flow has ended
}

func (l *login) start(ctx context.Context) (err error) {
	if l.device {
		return l.startAt(ctx)
	}
	if l.listener, err = listen("127.0.0.1:0", "/callback"); err != nil { // D1
		return err
	}
	err = l.startAt(ctx)
	if info := refusal(err); info.Reason == "REDIRECT_URI_NOT_ALLOWED" { // D4
		wanted, err := url.Parse(strings.Fields(info.Metadata["redirect_uris"])[0])
		if err != nil {
			return err
		}
		if l.listener, err = listen(wanted.Host, wanted.Path); err != nil {
			return err
		}
		return l.startAt(ctx)
	}
	return err
}

func (l *login) startAt(ctx context.Context) error {
	request := &pb.StartFlowRequest{
		RequestId: newUUID(), Product: l.product, Kind: pb.FlowKind_FLOW_KIND_LOGIN, // D2
		RedirectUri: l.listener.uri, NoBrowser: l.device, Invocation: invocation(), // D3
	}
	patient, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-ctx.Done()
		time.Sleep(400 * time.Millisecond) // only with the token can the flow be ended (D16)
		cancel()
	}()
	return call(patient, 20*time.Second, func(ctx context.Context) error {
		answer, err := l.flows.StartFlow(ctx, request)
		l.token = answer.GetFlowToken()
		return err
	})
}

// watch is our sign of life (D5), again and again (D6), until the flow has ended.
func (l *login) watch() {
	for pause := 0.1; ; pause = pause * 1.6 {
		stream, err := l.flows.WatchFlow(context.Background(), &pb.WatchFlowRequest{FlowToken: l.token})
		for err == nil {
			var message *pb.WatchFlowResponse
			if message, err = stream.Recv(); err != nil {
				break
			}
			pause = 0.1
			if message.Flow.Outcome != nil {
				close(l.ended)
				return
			}
			if message.Replaced {
				return
			}
		}
		if reason := refusal(err).Reason; reason != "" && reason != "STORE_UNAVAILABLE" {
			return
		}
		if pause > 3 {
			pause = 3
		}
		time.Sleep(time.Duration(pause * (0.5 + mrand.Float64()/2) * float64(time.Second)))
	}
}

func (l *login) step(ctx context.Context, step pb.Step) (answer *pb.RecordStepResponse, err error) {
	err = call(ctx, 20*time.Second, func(ctx context.Context) error {
		answer, err = l.flows.RecordStep(ctx, &pb.RecordStepRequest{FlowToken: l.token, Step: step})
		return err
	})
	return answer, err
}

// signedIn is what both ways to sign in end with.
type signedIn interface {
	GetTokens() *pb.Tokens
	GetIdentity() *pb.Identity
}

// again tells whether another attempt may end better (D12).
func again(err error) bool {
	switch refusal(err).Reason {
	case "CODE_REFUSED", "CODE_USED", "ANSWER_GONE":
		return true
	case "":
		return status.Code(err) == codes.Unavailable || status.Code(err) == codes.DeadlineExceeded
	}
	return false
}

func (l *login) signIn(ctx context.Context) (signedIn, error) {
	for attempt := 1; ; attempt++ {
		opened, err := l.step(ctx, pb.Step_STEP_BROWSER_WAIT) // D7
		if err != nil {
			return nil, err
		}
		l.listener.mutex.Lock()
		l.listener.state = opened.State
		l.listener.mutex.Unlock()
		fmt.Printf("Your browser opens. If it does not, open this address:\n\n%s\n\n", opened.AuthorizationUrl)
		browser := os.Getenv("BROWSER")
		if browser == "" {
			browser = "xdg-open"
		}
		exec.Command(browser, opened.AuthorizationUrl).Start()
		answer, err := l.redirected(ctx)
		if !again(err) || attempt == 3 {
			return answer, err
		}
	}
}

// redirected waits for the redirect and exchanges its code.
func (l *login) redirected(ctx context.Context) (answer *pb.ExchangeCodeResponse, err error) {
	for {
		var arrived redirect
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-l.ended: // D17
			return nil, errEnded
		case arrived = <-l.listener.redirects:
		}
		err = call(ctx, 150*time.Second, func(ctx context.Context) error {
			request := &pb.ExchangeCodeRequest{FlowToken: l.token, RedirectQuery: arrived.query} // D9
			answer, err = l.tokens.ExchangeCode(ctx, request)
			return err
		})
		if err == nil {
			arrived.page <- "You are signed in. You can close this page." // D10
			return answer, nil
		}
		arrived.page <- "You are not signed in. Your terminal says more."
		if reason := refusal(err).Reason; reason != "STATE_MISMATCH" && reason != "REDIRECT_MALFORMED" { // D11
			return nil, err
		}
	}
}

func (l *login) signInWithCode(ctx context.Context) (signedIn, error) {
	for attempt := 1; ; attempt++ {
		if _, err := l.step(ctx, pb.Step_STEP_BROWSER_WAIT); err != nil {
			return nil, err
		}
		var device *pb.StartDeviceAuthorizationResponse
		err := call(ctx, 20*time.Second, func(ctx context.Context) (err error) {
			device, err = l.tokens.StartDeviceAuthorization(ctx, &pb.StartDeviceAuthorizationRequest{FlowToken: l.token})
			return err
		})
		if err != nil {
			return nil, err
		}
		fmt.Printf("Open %s on any device, and type in this code: %s\n", device.VerificationUri, device.UserCode)
		answer, err := l.codeUsed(ctx, device.DeviceCode)
		if !again(err) || attempt == 3 {
			return answer, err
		}
	}
}

// codeUsed asks until the person has decided (D20).
func (l *login) codeUsed(ctx context.Context, code string) (*pb.AwaitDeviceResponse, error) {
	request := &pb.AwaitDeviceRequest{FlowToken: l.token, DeviceCode: code}
	for {
		pause := time.After(time.Second) // a server that stops holds no call
		answered := make(chan error, 1)
		var answer *pb.AwaitDeviceResponse
		go func() {
			answered <- call(ctx, 150*time.Second, func(ctx context.Context) (err error) {
				answer, err = l.tokens.AwaitDevice(ctx, request)
				return err
			})
		}()
		select {
		case <-l.ended: // D17
			return nil, errEnded
		case err := <-answered:
			if err != nil || !answer.Pending {
				return answer, err
			}
		}
		select {
		case <-ctx.Done():
		case <-pause:
		}
	}
}

// run signs in and says how the flow ends.
func (l *login) run(ctx context.Context) (signedIn, *pb.Outcome, error) {
	failed := func(class pb.ErrorClass) *pb.Outcome {
		return &pb.Outcome{How: &pb.Outcome_Failed_{Failed: &pb.Outcome_Failed{ErrorClass: class}}}
	}
	err := l.start(ctx)
	var answer signedIn
	if err == nil {
		go l.watch()
		if l.device {
			answer, err = l.signInWithCode(ctx)
		} else {
			answer, err = l.signIn(ctx)
		}
	}
	if err == nil {
		_, err = l.step(ctx, pb.Step_STEP_PROFILE_CONFIGURE) // D14
	}
	if ctx.Err() != nil {
		cancelled := &pb.Outcome_Aborted{Reason: pb.AbortReason_ABORT_REASON_USER_CANCELLED}
		return nil, &pb.Outcome{How: &pb.Outcome_Aborted_{Aborted: cancelled}}, errors.New("cancelled")
	}
	if err != nil && (err == errEnded || refusal(err).Reason != "") {
		return nil, failed(pb.ErrorClass_ERROR_CLASS_UNSPECIFIED), err // the server's refusal: it knows which
	}
	if err != nil {
		return nil, failed(pb.ErrorClass_ERROR_CLASS_CLIENT_NETWORK), err
	}
	kept, err := json.Marshal(map[string]string{"access": answer.GetTokens().AccessToken, "refresh": answer.GetTokens().RefreshToken})
	if err == nil {
		_, err = keep("tokens", kept)
	}
	if err != nil {
		return nil, failed(pb.ErrorClass_ERROR_CLASS_CLIENT_PROFILE_WRITE), err
	}
	return answer, &pb.Outcome{How: &pb.Outcome_Completed_{Completed: &pb.Outcome_Completed{}}}, nil
}

// finish is the one place that ends the flow (D15).
func (l *login) finish(outcome *pb.Outcome) {
	limit := 10 * time.Second
	if outcome.GetAborted() != nil {
		limit = 500 * time.Millisecond // D16
	}
	select {
	case <-l.ended:
		return
	default:
	}
	if l.token != "" {
		call(context.Background(), limit, func(ctx context.Context) error {
			_, err := l.flows.FinishFlow(ctx, &pb.FinishFlowRequest{FlowToken: l.token, Outcome: outcome})
			return err // lost: the watch breaks with us, and the server ends the flow
		})
	}
}

func environment(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func main() {
	device := flag.Bool("device", false, "show a code to type in on any device, and open no browser")
	flag.Parse()
	mrand.Seed(time.Now().UnixNano())
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	reconnect := backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 3 * time.Second}
	channel, err := grpc.Dial(environment("AUTHFLOW_SERVER", "127.0.0.1:7443"), grpc.WithInsecure(), // on this machine only
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: 3 * time.Second}))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	l := &login{
		flows: pb.NewFlowServiceClient(channel), tokens: pb.NewTokenServiceClient(channel),
		product: environment("AUTHFLOW_PRODUCT", "dev"), device: *device,
		listener: new(listener), // with a device code nobody listens
		ended:    make(chan struct{}),
	}
	answer, outcome, err := l.run(ctx)
	stop() // the second Ctrl-C ends us at once
	l.finish(outcome)
	sent := make(chan struct{})
	go func() { l.listener.pages.Wait(); close(sent) }()
	select {
	case <-sent:
	case <-time.After(300 * time.Millisecond):
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "The sign-in failed: %s\n", status.Convert(err).Message())
		if outcome.GetAborted() != nil {
			os.Exit(2)
		}
		os.Exit(1)
	}
	fmt.Printf("Signed in as %s.\n", answer.GetIdentity().Email)
}
