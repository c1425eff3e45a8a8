import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.zip.GZIPOutputStream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Pushes a file of NDJSON to a Rider Hub: signed, compressed, repeated under one key until answered.
 *
 * <p>Plain JDK, Java 8 or newer. {@code RIDER_HUB_SECRET=whsec_... java PushFeed HUB PLATFORM TYPE FILE}. Exit
 * status: 0 taken in, 1 some rows were refused (they are printed), 2 nothing is known to be taken in, 3 wrong use.
 */
public final class PushFeed {
    /** With waits of up to 15 s this tries for some minutes: an unfinished push is taken over after 30 s. */
    private static final int ATTEMPTS = Integer.getInteger("attempts", 20);

    private static final int FIRST_WAIT_MS = Integer.getInteger("firstWaitMs", 500);
    private static final int LONGEST_WAIT_MS = 15_000;
    private static final int CONNECT_MS = 10_000;
    private static final int READ_MS = Integer.getInteger("readMs", 120_000);
    /** Answers after which the same is sent again; 409 only where it says when. */
    private static final List<Integer> RETRIED = Arrays.asList(408, 425, 429, 500, 502, 503, 504, 507);

    private static final int CONFLICT = 409;

    private PushFeed() {}

    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        // Else the JDK may send a body again by itself. (Its streaming mode does not, but hides the words of a 401.)
        System.setProperty("sun.net.http.retryPost", "false");
        String secret = System.getenv("RIDER_HUB_SECRET");
        if (arguments.length != 4 || secret == null) {
            out.println("RIDER_HUB_SECRET=whsec_... java PushFeed HUB PLATFORM station|registration|request FILE");
            System.exit(3);
        }
        System.exit(push(arguments[0], arguments[1], arguments[2], Files.readAllBytes(Paths.get(arguments[3])),
                Base64.getDecoder().decode(secret.replaceFirst("^wh(sec|test)_", "")), out));
    }

    static int push(String hub, String platform, String type, byte[] rows, byte[] key, PrintStream out)
            throws IOException, GeneralSecurityException, InterruptedException {
        URL url = new URL(hub + "/api/v1/feeds/" + platform + "/" + type);
        // Made of the content: run again after a crash, the same file goes under the same key.
        String idempotencyKey = type + "-" + hex(MessageDigest.getInstance("SHA-256").digest(rows)).substring(0, 32);
        byte[] body = gzip(rows); // once, since the hub compares the very bytes
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            Answer answer = null;
            try {
                answer = send(url, body, key, idempotencyKey);
            } catch (IOException lost) {
                // No answer tells nothing: it may have been taken in. The same key and bytes find out.
                out.println("no answer (" + lost.getClass().getSimpleName() + ")");
            }
            if (answer != null) {
                if (answer.status >= 200 && answer.status < 300) {
                    return report(answer, out);
                }
                boolean again = RETRIED.contains(answer.status)
                        || answer.status == CONFLICT && answer.retryAfter != null;
                out.println("answer " + answer.status + (again ? "" : ": " + answer.text()));
                if (!again) {
                    return 2;
                }
            }
            if (attempt + 1 < ATTEMPTS) {
                Thread.sleep(pause(attempt, answer == null ? null : answer.retryAfter));
            }
        }
        out.println("given up; run it again, nothing is taken twice");
        return 2;
    }

    /** Sends once. Each try is signed anew: the signed time may be five minutes old at most. */
    private static Answer send(URL url, byte[] body, byte[] key, String idempotencyKey)
            throws IOException, GeneralSecurityException {
        String id = UUID.randomUUID().toString();
        String time = Long.toString(System.currentTimeMillis() / 1000);
        HttpURLConnection connection = (HttpURLConnection) url.openConnection();
        try {
            connection.setRequestMethod("POST");
            connection.setConnectTimeout(CONNECT_MS);
            connection.setReadTimeout(READ_MS);
            connection.setInstanceFollowRedirects(false);
            connection.setDoOutput(true);
            connection.setRequestProperty("Content-Type", "application/x-ndjson");
            connection.setRequestProperty("Content-Encoding", "gzip");
            connection.setRequestProperty("rfs-version", "1.0");
            connection.setRequestProperty("Idempotency-Key", idempotencyKey);
            connection.setRequestProperty("webhook-id", id);
            connection.setRequestProperty("webhook-timestamp", time);
            connection.setRequestProperty("webhook-signature", "v1," + signature(key, id + "." + time + ".", body));
            try (OutputStream stream = connection.getOutputStream()) {
                stream.write(body);
            }
            int status = connection.getResponseCode();
            InputStream stream = status < 400 ? connection.getInputStream() : connection.getErrorStream();
            return new Answer(status, connection.getHeaderField("Retry-After"), all(stream));
        } finally {
            connection.disconnect();
        }
    }

    private static String signature(byte[] key, String head, byte[] body) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        mac.update(head.getBytes(StandardCharsets.US_ASCII));
        return Base64.getEncoder().encodeToString(mac.doFinal(body));
    }

    /** Full jitter below a doubling bound, and never before Retry-After. */
    private static long pause(int attempt, String retryAfter) {
        long bound = Math.min(LONGEST_WAIT_MS, (long) FIRST_WAIT_MS << Math.min(attempt, 20));
        long wait = ThreadLocalRandom.current().nextLong(bound + 1);
        boolean seconds = retryAfter != null && retryAfter.matches("[0-9]{1,6}");
        return seconds ? Math.max(wait, 1000 * Long.parseLong(retryAfter)) : wait;
    }

    private static int report(Answer answer, PrintStream out) throws IOException {
        Map<?, ?> receipt = (Map<?, ?>) new Json(answer.text()).value();
        out.println("receipt " + receipt.get("receipt") + " " + receipt.get("state"));
        for (String name : new String[] {
            "received", "accepted", "unchanged", "waiting", "held", "not_stored", "rejected"
        }) {
            out.println(name + " " + receipt.get(name));
        }
        for (Object each : (List<?>) receipt.get("failures")) {
            Map<?, ?> fault = (Map<?, ?>) each;
            out.println("row " + fault.get("row") + " field " + fault.get("path") + " [" + fault.get("code") + "] "
                    + fault.get("zh"));
        }
        return "0".equals(String.valueOf(receipt.get("rejected"))) ? 0 : 1;
    }

    private static byte[] gzip(byte[] data) throws IOException {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream stream = new GZIPOutputStream(packed)) {
            stream.write(data);
        }
        return packed.toByteArray();
    }

    private static byte[] all(InputStream stream) throws IOException {
        ByteArrayOutputStream found = new ByteArrayOutputStream();
        if (stream != null) {
            byte[] piece = new byte[8192];
            for (int read = stream.read(piece); read >= 0; read = stream.read(piece)) {
                found.write(piece, 0, read);
            }
        }
        return found.toByteArray();
    }

    private static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte each : bytes) {
            text.append(String.format("%02x", each));
        }
        return text.toString();
    }

    private static final class Answer {
        final int status;
        final String retryAfter;
        private final byte[] body;

        Answer(int status, String retryAfter, byte[] body) {
            this.status = status;
            this.retryAfter = retryAfter;
            this.body = body;
        }

        String text() {
            return new String(body, StandardCharsets.UTF_8);
        }
    }

    /** Reads JSON: maps, lists, text, true, false and null; a number stays the text that it is. */
    private static final class Json {
        private final String text;
        private int place;

        Json(String text) {
            this.text = text;
        }

        Object value() throws IOException {
            char sign = next();
            if (sign == '{') {
                Map<String, Object> map = new LinkedHashMap<>();
                for (char end = peek('}'); end != '}'; end = next()) {
                    expect('"');
                    String name = string();
                    expect(':');
                    map.put(name, value());
                }
                return map;
            }
            if (sign == '[') {
                List<Object> list = new ArrayList<>();
                for (char end = peek(']'); end != ']'; end = next()) {
                    list.add(value());
                }
                return list;
            }
            if (sign == '"') {
                return string();
            }
            int start = place - 1;
            while (place < text.length() && ",]} \t\r\n".indexOf(text.charAt(place)) < 0) {
                place++;
            }
            String word = text.substring(start, place);
            return "null".equals(word) ? null : word;
        }

        private String string() throws IOException {
            StringBuilder found = new StringBuilder();
            for (char sign = character(); sign != '"'; sign = character()) {
                if (sign != '\\') {
                    found.append(sign);
                    continue;
                }
                char escaped = character();
                int known = "bfnrt".indexOf(escaped);
                if (escaped == 'u') {
                    found.append((char) Integer.parseInt(text.substring(place, place + 4), 16));
                    place += 4;
                } else {
                    found.append(known < 0 ? escaped : "\b\f\n\r\t".charAt(known));
                }
            }
            return found.toString();
        }

        /** Takes the end where it comes at once; else leaves the first element to be read. */
        private char peek(char end) throws IOException {
            char sign = next();
            if (sign != end) {
                place--;
            }
            return sign == end ? end : ',';
        }

        private void expect(char wanted) throws IOException {
            if (next() != wanted) {
                throw new IOException("the answer is no JSON");
            }
        }

        private char next() throws IOException {
            char sign = character();
            while (Character.isWhitespace(sign)) {
                sign = character();
            }
            return sign;
        }

        private char character() throws IOException {
            if (place >= text.length()) {
                throw new IOException("the answer breaks off");
            }
            return text.charAt(place++);
        }
    }
}
