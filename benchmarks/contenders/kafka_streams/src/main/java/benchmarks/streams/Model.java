package benchmarks.streams;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.streams.errors.StreamsException;

/**
 * An ONNX model as one thread uses it, one record at a time.
 *
 * <p>The tensor lies over memory that is filled anew for each record, so no call copies its input.
 */
final class Model implements AutoCloseable {

    private final List<String> features;
    private final OrtSession session;
    private FloatBuffer inputs = null;
    private Map<String, OnnxTensor> feeds = Map.of();

    Model(OrtSession session, List<String> features) {
        this.session = session;
        this.features = features;
    }

    /** Returns a model's session, which any number of threads may use. */
    static OrtSession load(Path file) throws OrtException {
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(1);
            return OrtEnvironment.getEnvironment().createSession(file.toString(), options);
        }
    }

    /** Returns the score of an event; a null counts as zero. */
    float score(GenericRecord event) {
        try {
            if (inputs == null) {
                allocate(width(event));
            }
            inputs.clear();
            for (String feature : features) {
                put(event.get(feature));
            }
            try (OrtSession.Result result = session.run(feeds)) {
                return ((OnnxTensor) result.get(0)).getFloatBuffer().get(0);
            }
        } catch (OrtException error) {
            throw new StreamsException(error);
        }
    }

    private void put(Object value) {
        if (value instanceof List<?> numbers) {
            numbers.forEach(this::put);
        } else {
            inputs.put(value == null ? 0.0f : ((Number) value).floatValue());
        }
    }

    /** Returns how many numbers the features of an event are; each event has as many. */
    private int width(GenericRecord event) {
        int width = 0;
        for (String feature : features) {
            width += event.get(feature) instanceof List<?> numbers ? numbers.size() : 1;
        }
        return width;
    }

    private void allocate(int width) throws OrtException {
        ByteBuffer memory = ByteBuffer.allocateDirect(width * Float.BYTES);
        inputs = memory.order(ByteOrder.nativeOrder()).asFloatBuffer();
        long[] shape = {1, width};
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        feeds = Map.of("features", OnnxTensor.createTensor(environment, inputs, shape));
    }

    @Override
    public void close() {
        feeds.values().forEach(OnnxTensor::close);
    }
}
