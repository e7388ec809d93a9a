/* What two Sentinels say, and then the server that they name; in the words of peer_script. */
#include "peer.h"
#include "store.h"

static char url[] = "sentinel://a,b:5000/main/2";
static const struct redis_settings redis = { .url = url };
static const struct redis_settings *servers[] = { &redis };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fuzz_input input = { (const char *)data, size };
	struct settings settings = peer_settings;
	struct redisReply *reply;
	struct store *store;

	settings.redis = servers;
	store = store_new(&settings);
	assert(store != NULL);
	peer_script(&input);
	for (int i = 0; i < 2; i++) {
		reply = NULL;
		if (store_words(store, peer_site, &reply, "PING", NULL) == RESULT_OK)
			assert(reply != NULL);
		else
			assert(reply == NULL);
		store_reply_free(reply);
	}
	store_free(store);
	peer_close();
	return 0;
}
