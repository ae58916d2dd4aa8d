package qmi

// bodies has a maker of empty bodies for each kind of message spoken here.
var bodies = index(
	of[SyncRequest], of[SyncResponse], of[SyncIndication],
	of[GetVersionInfoRequest], of[GetVersionInfoResponse],
	of[GetClientIDRequest], of[GetClientIDResponse],
	of[ReleaseClientIDRequest], of[ReleaseClientIDResponse],
	of[SetLinkFormatRequest], of[SetLinkFormatResponse],
)

// of returns an empty T.
func of[T any, P interface {
	*T
	Body
}]() Body {
	return P(new(T))
}

func index(makers ...func() Body) map[Kind]func() Body {
	m := make(map[Kind]func() Body, len(makers))
	for _, maker := range makers {
		m[maker().Kind()] = maker
	}
	return m
}

// Empty returns an empty body to decode a message of kind k into, nil if that
// kind is not spoken here.
func Empty(k Kind) Body {
	if maker, ok := bodies[k]; ok {
		return maker()
	}
	return nil
}
