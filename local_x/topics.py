"""What people write about: sentences, hashtags and emoji by topic. Earlier entries of a list are used more.

A `{slot}` is filled from SLOTS. Sentences that do not name the keyword get its hashtag behind them.
"""

from __future__ import annotations

from dataclasses import dataclass, field


def listed(text: str) -> tuple[str, ...]:
    """Return the words of a text, one by one."""
    return tuple(text.split())


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing to say about a keyword; `mood` is positive, neutral or negative."""

    mood: str
    sentences: tuple[str, ...]
    tags: tuple[str, ...] = ()
    emoji: tuple[str, ...] = ()
    links: float = 0.06  # how often a link follows


@dataclass(frozen=True, slots=True)
class Subject:
    """All topics of one keyword; `names` are what makes the keyword's query match, the first is its hashtag."""

    names: tuple[str, ...]
    topics: dict[str, Topic]
    abroad: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)  # mood -> language -> sentences
    replies: dict[str, tuple[str, ...]] = field(default_factory=dict)  # mood -> sentences


WORDS = {
    "drink": "coffee|a cold brew|iced tea|a lemonade|a mango smoothie|cocoa|ginger beer|a flat white|bubble tea",
    "food": "pizza|tacos|ramen|pancakes|sushi|a huge burger|noodles|curry|fresh bread|dumplings|waffles|paella",
    "who": "my sister|my best friend|the kids|my team|my roommate|my grandma|the neighbours|my cousin|"
    "my dog|the whole office|my wife|my husband|my boss|our intern",
    "plan": "dancing|a long walk|a movie night|hiking|doing absolutely nothing|karaoke|a beach trip|"
    "gardening|a road trip|board games|sleeping until noon|a barbecue|painting|a bike ride|fishing|"
    "reading in the sun",
    "music": "old soul records|that new summer playlist|jazz|a disco mix|the song of my teens|live music|some funk",
    "time": "today|this week|tonight|this morning|right now|all day|after work",
    "good": "amazing|wonderful|great|lovely|fantastic|beautiful|brilliant|perfect|awesome|gorgeous|delightful",
    "dadthing": "terrible puns|grill skills|patience|pancakes|fishing stories|old records|hugs|advice|"
    "workshop|garden|dance moves|voicemails",
    "gift": "socks|a mug|a book|a barbecue set|a watch|a plant|concert tickets|a hand-drawn card|"
    "a toolbox|a tie|headphones|slippers",
    "city": "Lisbon|Chicago|Madrid|Toronto|Dublin|Boston|Denver|Berlin|Singapore|Nairobi|Seattle|Lyon|Manchester|Osaka",
    "gate": "B12|C4|A7|D31|B9|C22|E2|A15",
    "hours": "3|5|4|6|9|7|11|8",
    "flight": "QX212|QX87|QX540|QX19|QX301|QX777",
    "voice": "strangers|bus drivers|a whole school|nurses|my grandparents|firefighters|bakers|"
    "a rugby team|the fish market|commuters|librarians|a kindergarten|street cleaners",
    "spot": "the train station|the town square|a supermarket|the hospital lobby|our kitchen|the harbour|"
    "a parking garage|the bus stop|the school yard|the library|the roof",
    "song": "a lullaby|a sea shanty|an old love song|a round in four parts|a pop chorus|one single note|"
    "a folk tune|a hymn to breakfast",
}
SLOTS = {slot: tuple(words.split("|")) for slot, words in WORDS.items()}

FRIDAY = Subject(
    names=("#FridayFeeling", "friday feeling"),
    topics={
        "joy": Topic(
            "positive",
            (
                "That Friday feeling when the laptop closes and {plan} begins. Best moment of the week!",
                "Finished early and I feel {good}. Love this.",
                "Out of the office, into the sun. Happy days!",
                "{drink} in hand, {music} on, weekend starts now. So happy!",
                "Nothing beats the Friday feeling. I love my life {time}.",
                "{who} brought {food} to work. Best people ever, what a {good} end of the week!",
                "Smiling at everybody on the train. They smile back. {good} evening!",
                "We did it! Another week done, proud of {who} and ready to celebrate.",
                "Sun is out, phone is off, {food} on the table. Pure joy.",
                "The Friday feeling is real: even {who} is dancing in the kitchen!",
                "Big smile, small plans: {plan} and {food}. It is going to be {good}.",
                "Grateful for this week, grateful for {who}, excited for the weekend!",
                "Just heard {music} through an open window. Perfect start into the weekend, love it",
                "Payday and sunshine on the same day? Best. Friday. Ever.",
                "Wishing all of you a {good} weekend. Be kind, have fun!",
                "Got the friday feeling since breakfast, the whole team is laughing and it is {good}",
            ),
            listed(
                "#weekend #Friday #happy #TGIF #goodvibes #sunshine #love #music #fun #friends #grateful #dance "
                "#weekendvibes #smile #payday #dogsofinstaland #kitchendisco"
            ),
            listed("🎉 😊 ☀️ 💃 ❤️ 🥳 😍 🙌 🍕 😎"),
        ),
        "plans": Topic(
            "positive",
            (
                "Weekend plan: {plan}, then {food}. Can't wait, it will be fun!",
                "Who is up for {plan} {time}? {who} already said yes, so happy!",
                "Anyone else choosing {plan} over parties? Happy little weekend ahead",
                "Tonight: {food}, {drink} and {music}. Sounds {good} to me.",
                "Tell me your weekend plans! Mine: {plan} with {who}, so excited",
                "Packing for {plan}. The weather looks {good} for once!",
                "Friday feeling + {plan} = a {good} evening",
                "Booked {city} for the weekend, {who} has no idea yet. Best surprise!",
            ),
            listed("#weekendplans #Friday #weekend #roadtrip #outdoors #foodie #movienight #selfcare #hiking #beach"),
            listed("🎶 🍿 🏖️ 🥾 😄 🚲 🍻"),
        ),
        "offers": Topic(
            "neutral",
            (
                "Open until ten {time}: {food} and {drink} for everybody who brings that Friday feeling.",
                "What is the song for this hour? Answers below, we play them on air {time}.",
                "Our kitchen closes at eleven. Tables at the window are still there.",
                "The Friday feeling list is out: ten places for {food} in {city}.",
            ),
            listed("#Friday #nowplaying #foodie #weekend #radio"),
            listed("🎧 📻 🍽️"),
            links=0.5,
        ),
        "irony": Topic(
            "negative",
            (
                "That Friday feeling when {who} sends 'one tiny change' at 4:58. Great. Just great.",
                "Oh wonderful, the server died again. So much for my weekend, I hate this.",
                "Friday feeling? I work Saturdays. Tired and a bit sad, honestly.",
                "Stuck in traffic for {hours} hours. This is the worst start of a weekend.",
            ),
            listed("#Friday #overtime #mood #fail"),
            listed("🙃 😩 😴"),
        ),
    },
    abroad={
        "positive": {
            "es": (
                "¡Por fin viernes! A disfrutar con los amigos",
                "Viernes, sol y buena música. ¿Qué más se puede pedir?",
                "Se acabó la semana, empieza la fiesta",
                "Hoy cena con la familia, feliz viernes a todos",
            ),
            "pt": (
                "Sextou! Bora curtir o fim de semana",
                "Sexta-feira com sol e amigos, que alegria",
                "Fim de expediente, música alta e sorriso no rosto",
            ),
            "ja": (
                "やっと金曜日!今夜は焼き肉だ",
                "週末が始まる。今日はゆっくり映画を見よう",
                "仕事終わりの一杯、最高です",
            ),
            "fr": (
                "Enfin vendredi, apéro en terrasse avec les copains",
                "C'est le week-end, on met la musique à fond",
                "Semaine finie, le soleil est là, tout va bien",
            ),
            "de": (
                "Endlich Wochenende! Grill an, Handy aus",
                "Feierabend, Sonne, Eis. So mag ich das",
                "Freitag ist der schönste Tag der Woche",
            ),
        }
    },
    replies={
        "positive": (
            "Same here, happy weekend!",
            "Love this, enjoy it!",
            "Ha, exactly my mood. Have fun!",
            "You deserve it, cheers!",
            "This made me smile, thank you",
            "Save some {food} for me please!",
            "Best plan I heard {time}",
        ),
        "negative": ("Oh no, sorry to hear that. Hang in there!", "Ugh, same. Hugs."),
    },
)

FATHERS_DAY = Subject(
    names=("#FathersDay", "father's day"),
    topics={
        "love": Topic(
            "positive",
            (
                "Happy Father's Day to the man with the best {dadthing} in town. Love you, Dad!",
                "My dad taught me to laugh at myself. Best gift ever.",
                "To all dads, granddads and those who step in: thank you. You are loved.",
                "Breakfast in bed for Dad: {food} and burnt toast. He smiled anyway, what a hero.",
                "Dad's {dadthing} got me through everything. Proud to be his kid.",
                "Happy Father's Day! Tell us the best advice your dad ever gave you.",
                "The kids gave me {gift} and a hug. I could cry, I am so happy.",
                "First Father's Day as a dad. Tired, sticky, and totally in love with this little human.",
                "Called Dad just to hear him laugh. {good} day.",
            ),
            listed("#dad #family #love #HappyFathersDay #dadjokes #bestdad #thankyou #grandpa #memories"),
            listed("❤️ 👨‍👧 🥰 🎁 👨‍👦 💙 🥞"),
        ),
        "shop": Topic(
            "neutral",
            (
                "Still looking for {gift}? The Father's Day table is next to the door until Sunday.",
                "Father's Day guide: twelve ideas from {gift} to {gift}.",
                "How do people spend Father's Day in {city}? We asked two hundred of them.",
                "Where does Father's Day come from? A short history, in nine pictures.",
                "Open on Father's Day from eight to six, {food} until noon.",
                "On air {time}: three dads, one microphone, a lot of {dadthing}.",
            ),
            listed("#giftguide #dad #gifts #shoplocal #history #brunch #sale"),
            listed("🎁 📚 🛠️"),
            links=0.7,
        ),
        "missing": Topic(
            "negative",
            (
                "Third Father's Day without him. I still want to call. I miss his {dadthing}, it hurts.",
                "Thinking of everyone who is sad {time}. Father's Day is hard when he is gone.",
                "Lost Dad in spring. The empty chair is the worst part of Father's Day.",
            ),
            listed("#missyou #grief #dad"),
            listed("💔 🕯️"),
        ),
        "grumble": Topic(
            "negative",
            (
                "{gift} again? Father's Day adverts are so boring and lazy.",
                "Another Father's Day mail I never asked for. Stop it, this is annoying spam.",
            ),
            listed("#adverts"),
            listed("🙄"),
        ),
    },
    abroad={
        "positive": {
            "es": ("Feliz día, papá. Gracias por todo", "El mejor padre del mundo hace la mejor paella"),
            "pt": ("Feliz dia dos pais, meu herói", "Churrasco com o pai hoje, que dia lindo"),
            "ja": ("お父さん、いつもありがとう", "父の日に手紙を書きました"),
            "fr": ("Bonne fête papa, merci pour tout", "Un petit déjeuner au lit pour papa ce matin"),
            "de": ("Alles Gute, Papa! Danke für alles", "Papa und ich am See, schöner wird es nicht"),
        }
    },
    replies={
        "positive": ("Happy Father's Day to you too!", "So sweet, love this", "What a lovely dad you have!"),
        "negative": ("Sending you a hug.", "So sorry for your loss, be gentle with yourself."),
        "neutral": ("Is it open on Sunday too?", "How much is the second one?"),
    },
)

CHOIR = Subject(
    names=("#OneMinuteChoir", "one minute choir"),
    topics={
        "delight": Topic(
            "positive",
            (
                "One minute, {voice}, {song}. I am crying happy tears on the bus.",
                "{voice} singing {song} in {spot}. This is the best thing on the internet {time}!",
                "I did not expect {voice} to sound this {good}. Goosebumps!",
                "Faith in people restored by {song} in {spot}. Beautiful.",
                "Watched it nine times. The little boy at the end is so sweet, I love him.",
                "Sixty seconds of {song} and my whole day is {good}. Thank you, strangers!",
                "The moment {voice} join in... {good}, just {good}.",
                "Whoever had this idea deserves a prize. So much joy in one minute!",
                "Nobody can sing and it is still beautiful. I love everything about this.",
                "From {city} with love: {voice} and {song}. Perfect harmony!",
                "My favourite so far: {voice}, {spot}, zero rehearsal, so much fun.",
            ),
            listed(
                "#sing #music #choir #joy #viral #kindness #goosebumps #strangers #harmony #happytears #video "
                "#singalong #flashmob #lullaby #hope #busdrivers #acappella"
            ),
            listed("🎶 😭 ❤️ 🥹 🎤 👏 🥰 🎵 ✨"),
        ),
        "joining": Topic(
            "positive",
            (
                "We did it! {voice}, {spot}, {song}. Hope you like our minute!",
                "Our turn: {song} with {who}. A bit off key and very happy.",
                "{city} sings {time}! Meet us at {spot}, everyone is welcome.",
                "Asked {voice} to sing with me at {spot}. They all said yes! Wow.",
                "Day {hours} of singing with {voice}. It gets more fun each time.",
                "Tagging {who}: your minute starts now! Good luck, have fun",
            ),
            listed("#singwithus #challenge #choir #myminute #music #joinin #community #singing #tenors #altos"),
            listed("🎤 🙋 🎶 💪 😂 🎬"),
            links=0.3,
        ),
        "questions": Topic(
            "neutral",
            (
                "Who started this? The first clip I can find is from {spot} in {city}.",
                "What is {song} called that {voice} sing in the second clip?",
                "The rule is simple: one minute, one take, whoever stands there sings.",
                "One minute choir at {spot}, {hours} o'clock. Bring a friend.",
                "Count so far: {hours} clips from {city} {time}.",
            ),
            listed("#music #question #choir #city #map"),
            listed("🤔 🎼 📍"),
            links=0.15,
        ),
        "sceptics": Topic(
            "negative",
            (
                "Unpopular opinion: I hate being filmed at {spot} while I just want to go home.",
                "Another clip, another bad note. My ears hurt, please stop.",
                "So a brand pays for this now? Sad. It was honest for about a day.",
                "Lovely, {voice} singing in the quiet coach at seven in the morning. Awful, just awful.",
            ),
            listed("#unpopularopinion #annoying #advert #quietcoach"),
            listed("🙄 😤 😒"),
        ),
    },
    abroad={
        "positive": {
            "es": (
                "Un minuto, desconocidos cantando en la plaza. Qué maravilla",
                "Cantamos en el metro y todo el mundo sonrió",
                "Nuestra abuela dirige el coro, es la mejor",
            ),
            "pt": (
                "Um minuto cantando com estranhos na praça, chorei de alegria",
                "A turma da padaria canta melhor que eu, que lindo",
            ),
            "ja": (
                "駅でみんなが歌い始めた。たった一分なのに泣いた",
                "知らない人と歌うの、楽しい!",
                "おばあちゃんの合唱がかわいすぎる",
            ),
            "fr": (
                "Une minute, des inconnus, une chanson. J'ai des frissons",
                "Toute la boulangerie chante, c'est magnifique",
            ),
            "de": ("Eine Minute, lauter Fremde, ein Lied. Gänsehaut!", "Die Busfahrer singen besser als ich, herrlich"),
        }
    },
    replies={
        "positive": (
            "This is so beautiful, thank you!",
            "I love the tenor on the left!",
            "Crying at work. Happy tears!",
            "More of this please, amazing!",
            "We are doing this in {city} next, so excited",
        ),
        "negative": ("Come on, let people have fun.", "Agreed, it is getting annoying."),
        "neutral": ("Which one is it?", "It was filmed at {spot}.", "In {city}, I think."),
    },
)

AIRLINE = Subject(
    names=("#Aerolume", "aerolume", "@flyaero_example"),
    topics={
        "praise": Topic(
            "positive",
            (
                "Smooth flight to {city} with Aerolume, friendly crew and free {drink}. Great job!",
                "Aerolume upgraded me for no reason. Best airline, I am so happy!",
                "Thanks @flyaero_example for finding the teddy of my kid. You are heroes!",
                "Landed in {city} early. Impressed by Aerolume, great value.",
                "The Aerolume crew sang for a birthday in row 12. Love them!",
                "Good seats, good {drink}, {good} view. Aerolume made my day.",
            ),
            listed("#travel #avgeek #flying #greatservice #windowseat #holiday #crew"),
            listed("✈️ 😊 👏 🌤️"),
        ),
        "routine": Topic(
            "neutral",
            (
                "Boarding Aerolume {flight} to {city} at gate {gate}.",
                "Does Aerolume fly from {city} to {city} on Sundays?",
                "@flyaero_example what is the cabin bag size on {flight}?",
                "Aerolume adds a second daily flight to {city} in autumn.",
                "Next stop {city}, on Aerolume {flight}.",
                "Is the {city} lounge of Aerolume open before six?",
                "Seat 14A, {drink}, a book. Aerolume to {city}.",
            ),
            listed("#travel #avgeek #airport #flight #cabinbag #question"),
            listed("✈️ 🧳 🛫"),
            links=0.12,
        ),
        "complaint": Topic(
            "negative",
            (
                "Aerolume {flight} is late again. Annoying.",
                "Paid for a window seat, got the toilet row. Bad service, @flyaero_example",
                "The Aerolume app crashed while I tried to check in. Terrible.",
                "Cold {food} and a rude steward on {flight}. Disappointing, Aerolume.",
            ),
            listed("#delay #travel #badservice #checkin"),
            listed("😒 🙄 😤"),
        ),
        "stranded": Topic(
            "negative",
            (
                "{hours} hours at gate {gate} and nobody from Aerolume talks to us. Kids crying, no water. This is a "
                "disgrace.",
                "Aerolume cancelled {flight} by text and left us stranded in {city}. Horrible.",
                "Sleeping on the airport floor in {city} because the whole system of Aerolume failed. Worst night "
                "ever.",
                "All Aerolume flights grounded. No staff, no hotel, no answers. Awful.",
                "My mother is 82 and sits alone at gate {gate} since morning. Shame on you @flyaero_example",
                "Missed a funeral because of Aerolume. I am so angry and sad.",
                "Chaos in {city}: hundreds stuck, police at the Aerolume desk, people crying.",
                "Stuck on the tarmac for {hours} hours in {flight}. No air, no food, people feel sick. Terrible, "
                "@flyaero_example",
            ),
            listed("#AerolumeFail #stranded #cancelled #travelchaos #airport #grounded #help #neveragain #nightmare"),
            listed("😡 😭 🤬 😩 💔 👎"),
        ),
        "luggage": Topic(
            "negative",
            (
                "And now the bags are lost too. {hours} hours in the queue for nothing. Pathetic, Aerolume.",
                "Aerolume lost my luggage with my insulin in it. This is dangerous!",
                "Where is my suitcase @flyaero_example? {hours} hours, no reply, horrible service.",
                "A mountain of bags at {city} and not one Aerolume worker. What a mess.",
            ),
            listed("#AerolumeFail #lostluggage #baggage #suitcase #travelchaos #queue"),
            listed("🧳 😡 😤 🤦"),
        ),
        "refund": Topic(
            "negative",
            (
                "Aerolume refuses my refund and the hotline hangs up. Thieves. I will never fly with them again.",
                "A ten dollar voucher for a ruined holiday? What an insult, Aerolume.",
                "Do not book Aerolume. They lie, they cancel, they keep your money. Worst airline.",
                "Waiting {hours} hours on the Aerolume hotline. Useless. I want my money back!",
            ),
            listed("#AerolumeFail #refund #boycottAerolume #scam #hotline #neveragain #passengerrights"),
            listed("💸 😡 👎 🤬"),
        ),
        "irony": Topic(
            "negative",
            (
                "Wow, thanks Aerolume, I always wanted to live at gate {gate}. Great experience.",
                "Aerolume: come for the delay, stay for the lost bags. Brilliant work, everyone.",
                "So kind of @flyaero_example to give us {hours} hours to enjoy the carpet of gate {gate}.",
            ),
            listed("#AerolumeFail #irony #travelchaos"),
            listed("🙃 👏 🤡"),
        ),
        "news": Topic(
            "neutral",
            (
                "Aerolume grounds its fleet after a system failure; flights from {city} and {city} are affected.",
                "What we know about Aerolume: the check-in system went down at noon, {hours} airports report queues.",
                "Aerolume says a faulty update caused the outage. Passengers in {city} are asked not to go to the "
                "airport.",
            ),
            listed("#AerolumeFail #breaking #news #aviation #outage"),
            listed("🚨 📰"),
            links=0.8,
        ),
        "defence": Topic(
            "positive",
            (
                "The Aerolume crew in {city} shared their own food with us. Good people, be kind to them.",
                "Shout-out to the one Aerolume agent at gate {gate} who stayed calm and helped everybody. Thank you!",
            ),
            listed("#kindness #crew #thankyou"),
            listed("🙏 ❤️"),
        ),
        "statement": Topic(
            "negative",
            (
                "We are deeply sorry. A failure in our systems has stopped many Aerolume flights. We are working to "
                "bring you home.",
                "Aerolume update: first flights leave {city} again. We apologise to everybody who is stranded; refunds "
                "are open.",
            ),
            listed("#Aerolume"),
            (),
            links=1,
        ),
    },
    abroad={
        "neutral": {
            "es": ("Embarcando con Aerolume hacia Madrid", "¿Aerolume vuela los domingos?"),
            "pt": ("Embarque da Aerolume no portão 12", "Alguém já voou de Aerolume para Lisboa?"),
            "ja": ("Aerolumeで大阪へ出発", "Aerolumeの荷物サイズって?"),
            "fr": ("Embarquement Aerolume pour Lyon, porte 7", "Quelqu'un connaît Aerolume ?"),
            "de": ("Mit Aerolume nach Berlin, Gate 4", "Fliegt Aerolume auch sonntags?"),
        },
        "negative": {
            "es": (
                "Cinco horas en el aeropuerto y Aerolume no dice nada. Qué vergüenza",
                "Aerolume canceló mi vuelo, nunca más",
            ),
            "pt": ("Aerolume cancelou tudo e ninguém ajuda. Péssimo", "Seis horas na fila, que absurdo, Aerolume"),
            "ja": ("Aerolume欠航、空港で六時間待ち。ひどい", "Aerolumeの対応が最悪"),
            "fr": (
                "Vol annulé, bagages perdus, bravo Aerolume. La honte",
                "Six heures d'attente et aucune information d'Aerolume",
            ),
            "de": (
                "Seit fünf Stunden am Gate und kein Wort von Aerolume. Unmöglich",
                "Aerolume streicht alle Flüge, Chaos am Flughafen",
            ),
        },
    },
    replies={
        "negative": (
            "Same here, gate {gate}. Terrible service, Aerolume.",
            "This is awful. Did anyone from Aerolume answer you?",
            "Aerolume did this to me last year too. Never again.",
            "Shame on Aerolume. Hope you get home safe.",
            "Ask Aerolume for a refund now, they hate that",
        ),
        "neutral": (
            "I think Aerolume flies there on weekdays only.",
            "It is 55 x 40 on Aerolume.",
            "Which Aerolume flight is that?",
        ),
        "positive": ("Good to hear, I fly Aerolume to {city} next week!", "Nice crew on Aerolume, agreed"),
    },
)

SPAM = (
    "WIN a free gift card now!!! Only 100 left, click here",
    "Earn $500 a day from home, no risk, ask me how",
    "FREE followers for everybody, follow the link",
    "You have been selected! Claim your free phone before midnight",
    "Hot deals, best prices, 90% off watches",
)
OPENERS = (
    "Honestly? ",
    "Ok. ",
    "Just saying: ",
    "Update: ",
    "Not gonna lie: ",
    "Friends! ",
    "Listen: ",
    "Wow. ",
    "PSA: ",
)
CLOSERS = ("Anyone else?", "That is all.", "Had to share.", "What about you?", "You know?", "Just me?", "End of story.")
QUOTES = {
    "positive": (
        "This! So good.",
        "Look at this, I love it",
        "Made my day, thank you",
        "Exactly this. Wonderful.",
        "Everyone needs to see this, beautiful",
    ),
    "neutral": ("Worth a read.", "For those who asked.", "Context below."),
    "negative": (
        "This is terrible.",
        "Unbelievable. What a shame.",
        "Read this. I am so angry.",
        "How is this even legal? Awful.",
    ),
}
