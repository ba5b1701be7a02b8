import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DatumReader;
import org.apache.avro.io.DecoderFactory;

/** Apache Avro Java, generic records, its fast reader, record and decoder used again. Usage: Peer DATA_FOLDER */
public final class Peer {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private static Object kept; // so that the work is not seen as useless

    private static List<byte[]> eventsOf(Path file) throws IOException {
        ByteBuffer raw = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        List<byte[]> out = new ArrayList<>();
        while (raw.hasRemaining()) {
            byte[] event = new byte[raw.getInt()];
            raw.get(event);
            out.add(event);
        }
        return out;
    }

    private static long onePass(List<byte[]> events, DatumReader<GenericRecord> reader) throws IOException {
        BinaryDecoder decoder = null;
        GenericRecord record = null;
        long start = THREADS.getCurrentThreadCpuTime();
        for (byte[] event : events) {
            decoder = DecoderFactory.get().binaryDecoder(event, decoder);
            record = reader.read(record, decoder);
            kept = record;
        }
        return THREADS.getCurrentThreadCpuTime() - start;
    }

    public static void main(String[] arguments) throws IOException {
        Path folder = Path.of(arguments[0]);
        List<Path> files;
        try (Stream<Path> all = Files.list(folder)) {
            files = all.filter(f -> f.getFileName().toString().matches("[^_]+_.*\\.bin")).sorted().collect(Collectors.toList());
        }
        String version = Schema.class.getPackage().getImplementationVersion();
        List<String> lines = new ArrayList<>();
        for (Path file : files) {
            String name = file.getFileName().toString().replace(".bin", "");
            Schema schema = new Schema.Parser().parse(folder.resolve("schema_" + name.split("_")[0] + ".json").toFile());
            GenericData data = new GenericData();
            data.setFastReaderEnabled(true);
            @SuppressWarnings("unchecked")
            DatumReader<GenericRecord> reader = data.createDatumReader(schema);
            List<byte[]> events = eventsOf(file);
            long bytes = 0;
            for (byte[] event : events) {
                BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(event, null);
                GenericRecord header = (GenericRecord) reader.read(null, decoder).get("ChangeEventHeader");
                if (!decoder.isEnd() || header.get("transactionKey").toString().isEmpty()) {
                    throw new IllegalStateException("wrong answer");
                }
                bytes += event.length;
            }
            for (long warm = 0; warm < 3_000_000_000L; ) { // the just-in-time compiler
                warm += onePass(events, reader);
            }
            long[] turns = new long[15];
            for (int i = 0; i < turns.length; i++) {
                turns[i] = onePass(events, reader);
            }
            Arrays.sort(turns);
            lines.add(String.format(java.util.Locale.ROOT,
                "{\"what\": \"decode, Avro Java %s\", \"data\": \"%s\", \"compiler\": \"OpenJDK %s\", \"ns_per_event\": %.2f, "
                + "\"gb_per_second\": %.4f, \"ratio_to_avro_c\": null}",
                version, name, System.getProperty("java.version"), (double) turns[7] / events.size(), (double) bytes / turns[7]));
        }
        System.out.println("[" + String.join(",\n ", lines) + "]");
    }
}
